import { didYouMean } from '../did-you-mean.js';
import { EdgeError } from '../errors.js';
import { commandName, flagsOf } from './command.js';
import type { Command, Flag, Program } from './command.js';
import { usageLine } from './help.js';

/** What the words after the program's name ask for. */
export type Invocation =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command?: Command; readonly within?: readonly Command[] }
  | { readonly kind: 'run'; readonly command: Command; readonly args: Arguments };

/** The operands and flags of one invocation, by name. */
export class Arguments {
  readonly #operands: ReadonlyMap<string, string>;
  readonly #flags: ReadonlyMap<string, readonly string[]>;

  constructor(
    operands: ReadonlyMap<string, string>,
    flags: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#operands = operands;
    this.#flags = flags;
  }

  operand(name: string): string | undefined {
    return this.#operands.get(name);
  }

  /** An operand or a flag's value that the table says is always there. */
  required(name: string): string {
    const value = this.#operands.get(name) ?? this.text(name);
    if (value === undefined) throw new EdgeError('EDGE_INTERNAL', `${name} is not required`);
    return value;
  }

  text(flag: string): string | undefined {
    return this.#flags.get(flag)?.at(-1);
  }

  texts(flag: string): readonly string[] {
    return this.#flags.get(flag) ?? [];
  }

  on(flag: string): boolean {
    return this.#flags.has(flag);
  }
}

/**
 * Reads `argv` (without interpreter and script) by the table. Flags stand after the command's
 * words as `--flag VALUE` or `--flag=VALUE`; `--` ends them. Throws EDGE_USAGE with a hint.
 */
export function parseCommandLine(program: Program, argv: readonly string[]): Invocation {
  const leading = argv.findIndex((word) => word !== '--json');
  const words = leading < 0 ? [] : argv.slice(leading);
  const [first] = words;
  if (first === undefined || isHelp(first)) return { kind: 'help' };
  if (first === '--version') return { kind: 'version' };
  const group = commandsWithin(program, words);
  if (group.length > 0 && words.some(isHelp) && !group.some((one) => isNamed(one, words)))
    return { kind: 'help', within: group };
  const command = findCommand(program, words);
  const rest = words.slice(command.words.length);
  const flagsEnd = rest.includes('--') ? rest.indexOf('--') : rest.length;
  if (rest.slice(0, flagsEnd).some(isHelp)) return { kind: 'help', command };
  const read = readArguments(program, command, rest);
  if (leading > 0) read.flags.set('json', ['']);
  checkRequired(program, command, read);
  for (const flag of flagsOf(command))
    if (flag.default !== undefined && !read.flags.has(flag.name))
      read.flags.set(flag.name, [flag.default]);
  return { kind: 'run', command, args: new Arguments(read.operands, read.flags) };
}

interface Read {
  readonly operands: Map<string, string>;
  readonly flags: Map<string, string[]>;
}

function isNamed({ words }: Command, spoken: readonly string[]): boolean {
  return words.every((word, index) => spoken[index] === word);
}

/** The commands whose words begin with the most of these that any does. */
function commandsWithin(program: Program, words: readonly string[]): readonly Command[] {
  let within: readonly Command[] = [];
  for (let count = 1; count <= words.length; count += 1) {
    const closer = program.commands.filter((command) =>
      words.slice(0, count).every((word, index) => command.words[index] === word),
    );
    if (closer.length === 0) return within;
    within = closer;
  }
  return within;
}

function findCommand(program: Program, words: readonly string[]): Command {
  const found = program.commands.find((command) => isNamed(command, words));
  if (found !== undefined) return found;
  const spoken = words.filter((word) => !word.startsWith('-'));
  const names = program.commands.map(commandName);
  const guess =
    didYouMean(spoken.slice(0, 2).join(' '), names) ?? didYouMean(spoken[0] ?? '', names);
  const within = commandsWithin(program, words).map(commandName);
  const isWhole = within.some((name) => name.startsWith(`${spoken.join(' ')} `));
  throw usage(
    words[0]?.startsWith('-') === true
      ? `the command stands before ${words[0]}`
      : within.length > 0
        ? `${isWhole ? spoken.join(' ') : (words[0] ?? '')} needs one of: ${within.join(', ')}`
        : `unknown command: ${words[0] ?? ''}`,
    guess === undefined || isWhole
      ? `See ${program.name} --help.`
      : `Did you mean: ${program.name} ${guess}?`,
  );
}

function readArguments(program: Program, command: Command, words: readonly string[]): Read {
  const read: Read = { operands: new Map(), flags: new Map() };
  const names = command.operands ?? [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') {
      words.slice(index + 1).forEach(takeOperand);
      break;
    }
    if (!looksLikeFlag(word)) {
      takeOperand(word);
      continue;
    }
    const [name, attached] = splitFlag(word);
    const flag = flagsOf(command).find(
      (candidate) => candidate.name === name || (candidate.short === name && word[1] !== '-'),
    );
    if (flag === undefined) throw unknownFlag(program, command, word, name);
    if (flag.value === undefined && attached !== undefined)
      throw usage(`--${name} takes no value`, usageLine(program, command));
    const value = flag.value === undefined ? '' : (attached ?? words[++index]);
    takeFlag(program, command, read, flag, value);
  }
  return read;

  function takeOperand(word: string): void {
    const operand = names[read.operands.size];
    if (operand === undefined)
      throw usage(`unexpected argument: ${word}`, usageLine(program, command));
    if (operand.choices?.includes(word) === false)
      throw usage(`${operand.name} is one of: ${operand.choices.join(', ')}`, `You wrote ${word}.`);
    read.operands.set(operand.name, word);
  }
}

function takeFlag(
  program: Program,
  command: Command,
  read: Read,
  flag: Flag,
  value: string | undefined,
): void {
  if (value === undefined || (flag.value !== undefined && /^--[a-z]/.test(value)))
    throw usage(`--${flag.name} needs a value`, usageLine(program, command));
  if (flag.choices?.includes(value) === false)
    throw usage(`--${flag.name} is one of: ${flag.choices.join(', ')}`, `You wrote ${value}.`);
  const earlier = read.flags.get(flag.name) ?? [];
  if (earlier.length > 0 && flag.repeated !== true && flag.value !== undefined)
    throw usage(`--${flag.name} stands twice`, 'Keep one of the two.');
  read.flags.set(flag.name, [...earlier, value]);
}

function checkRequired(program: Program, command: Command, read: Read): void {
  const missing = [
    ...(command.operands ?? [])
      .filter(({ name, optional }) => optional !== true && !read.operands.has(name))
      .map(({ name }) => name),
    ...flagsOf(command)
      .filter(({ name, required }) => required === true && !read.flags.has(name))
      .map(({ name, value }) => `--${name} ${value ?? ''}`),
  ];
  if (missing.length > 0)
    throw usage(`missing: ${missing.join(', ')}`, usageLine(program, command));
}

function unknownFlag(program: Program, command: Command, word: string, name: string): EdgeError {
  const guess = didYouMean(
    name,
    flagsOf(command).map((flag) => flag.name),
  );
  return usage(
    `unknown flag: ${word}`,
    guess === undefined ? usageLine(program, command) : `Did you mean --${guess}?`,
  );
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

/** `-5` and `-` are operands: values may be negative. */
function looksLikeFlag(word: string): boolean {
  return /^--|^-[A-Za-z]/.test(word);
}

function splitFlag(word: string): [name: string, value: string | undefined] {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  return [name.replace(/^--?/, ''), equals < 0 ? undefined : word.slice(equals + 1)];
}

function usage(message: string, hint: string): EdgeError {
  return new EdgeError('EDGE_USAGE', message, { hint });
}
