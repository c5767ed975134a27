import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from '../errors.js';
import { commandName, type Program } from './command.js';
import { commandHelp, programHelp } from './help.js';
import { parseCommandLine } from './parse.js';
import type { Arguments } from './parse.js';

const program: Program = {
  name: 'thing',
  summary: 'does things',
  commands: [
    {
      words: ['run'],
      summary: 'Runs.',
      flags: [
        { name: 'data', value: 'DIR', required: true, summary: 'Folder.' },
        { name: 'name', value: 'HOST', repeated: true, summary: 'Names.' },
        {
          name: 'level',
          value: 'LEVEL',
          choices: ['low', 'high'],
          default: 'low',
          summary: 'Level.',
        },
      ],
      example: 'thing run --data d',
    },
    {
      words: ['twin', 'set'],
      summary: 'Sets.',
      operands: [
        { name: 'DEVICE', summary: 'Device.' },
        { name: 'VALUE', summary: 'Value.', optional: true },
      ],
      example: 'thing twin set d 1',
    },
  ],
};

function run(t: { fail: (message: string) => never }, ...argv: string[]): Arguments {
  const invocation = parseCommandLine(program, argv);
  return invocation.kind === 'run' ? invocation.args : t.fail(`parsed as ${invocation.kind}`);
}

test('flags take their value after a space or an equals sign, and may repeat where allowed', (t) => {
  const args = run(t, 'run', '--data', 'd', '--name=a=b', '--name', 'c');
  t.is(args.required('data'), 'd');
  t.deepEqual(args.texts('name'), ['a=b', 'c']);
  t.is(args.text('level'), 'low');
  t.false(args.on('json'));
});

test('--json may stand before the command', (t) => {
  t.true(run(t, '--json', 'twin', 'set', 'd').on('json'));
});

test('negative numbers and everything after -- are operands', (t) => {
  t.is(run(t, 'twin', 'set', 'd', '-5').operand('VALUE'), '-5');
  t.is(run(t, 'twin', 'set', '--', 'd', '--json').operand('VALUE'), '--json');
});

test('--help anywhere before -- asks for help, and nothing at all for the overview', (t) => {
  t.is(parseCommandLine(program, []).kind, 'help');
  t.like(parseCommandLine(program, ['run', '--help']), { kind: 'help' });
  const group = parseCommandLine(program, ['twin', '--help']);
  t.deepEqual(group.kind === 'help' ? group.within?.map(commandName) : [], ['twin set']);
  t.is(parseCommandLine(program, ['--version']).kind, 'version');
  t.is(run(t, 'twin', 'set', '--', '--help').operand('DEVICE'), '--help');
});

for (const [title, argv, message, hint] of [
  ['a misspelt command', ['rum'], /unknown command: rum/, /thing run\?/],
  ['a word without its second', ['twin'], /^twin needs one of: twin set$/, /See thing --help/],
  ['a misspelt second word', ['twin', 'sett'], /twin needs one of: twin set/, /thing twin set\?/],
  ['a misspelt flag', ['run', '--dta', 'x'], /unknown flag: --dta/, /--data\?/],
  ['a flag before the command', ['--data', 'x', 'run'], /stands before --data/, /.*/],
  ['a missing flag', ['run'], /missing: --data DIR/, /Usage: thing run --data DIR/],
  ['a missing operand', ['twin', 'set'], /missing: DEVICE/, /DEVICE \[VALUE\]/],
  ['a missing value', ['run', '--data'], /--data needs a value/, /.*/],
  ['a flag in place of a value', ['run', '--data', '--json'], /--data needs a value/, /.*/],
  ['a value for a switch', ['twin', 'set', 'd', '--json=1'], /takes no value/, /.*/],
  ['a flag given twice', ['run', '--data', 'a', '--data', 'b'], /stands twice/, /.*/],
  ['a value that is no choice', ['run', '--data', 'a', '--level', 'x'], /low, high/, /.*/],
  ['one operand too many', ['twin', 'set', 'a', 'b', 'c'], /unexpected argument: c/, /.*/],
] as const) {
  test(`${title} is a usage error that says what to do`, (t) => {
    const error = t.throws(() => parseCommandLine(program, argv), { instanceOf: EdgeError });
    t.is(error.code, 'EDGE_USAGE');
    t.regex(error.message, message);
    t.regex(error.hint ?? '', hint);
  });
}

test('any words give an invocation or a usage error', (t) => {
  const word = fc.oneof(fc.string(), fc.constantFrom('run', 'twin', 'set', '--data', '--', '-h'));
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      try {
        parseCommandLine(program, argv);
        return true;
      } catch (error) {
        return error instanceof EdgeError && error.code === 'EDGE_USAGE';
      }
    }),
  );
  t.pass();
});

test('help names every command, operand and flag', (t) => {
  const overview = programHelp(program);
  for (const command of program.commands) {
    t.true(overview.includes(command.words.join(' ')));
    const text = commandHelp(program, command);
    for (const { name } of command.flags ?? []) t.true(text.includes(`--${name}`));
    for (const { name } of command.operands ?? []) t.true(text.includes(name));
    t.true(text.includes('--json'));
  }
});
