import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { EDGETWIN_HUB } from '#cloud/cli/commands.js';
import { commandName, flagsOf } from '#protocol/command-line/command.js';
import type { Program } from '#protocol/command-line/command.js';
import { completionScript } from '#protocol/command-line/completion.js';
import { EDGETWIN } from '#runtime/cli/commands.js';
import { hasTools } from '../tools.js';

type Shell = 'bash' | 'zsh';
type Words = readonly string[];

/**
 * What the shell offers for each of these command lines, the last word being typed, in a folder
 * that holds `some-folder` and `some-file`. The function is called as bash and zsh's bashcompinit
 * call it.
 */
function offered(shell: Shell, program: Program, lines: readonly Words[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'edgetwin-complete-'));
  const asks = lines.flatMap((words) => [
    `COMP_WORDS=(${[program.name, ...words].map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length}`,
    `_${program.name.replace('-', '_')}`,
    `printf '%s\\n' @ "\${COMPREPLY[@]}"`,
  ]);
  const script = [
    `cd '${folder}'; mkdir some-folder; touch some-file`,
    completionScript(program, shell),
    shell === 'zsh' ? 'emulate sh' : `complete -p ${program.name} >/dev/null || exit 9`,
    ...asks,
  ].join('\n');
  const args = shell === 'zsh' ? ['-fc', script] : ['--norc', '-uc', script];
  const { stdout, stderr, status } = spawnSync(shell, args, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
  });
  rmSync(folder, { recursive: true });
  if (status !== 0 || stderr !== '') throw new Error(`${status}: ${stderr}`);
  const answers = stdout.split('@\n').slice(1);
  return answers.map((text, index) => {
    // zsh itself drops what does not begin as the word does.
    const typed = shell === 'zsh' ? (lines[index]?.at(-1) ?? '').replace(/^=$/, '') : '';
    return text.split('\n').filter((word) => word !== '' && word.startsWith(typed));
  });
}

for (const shell of ['bash', 'zsh'] as const) {
  test(`${shell} completes every command of both programs, and its flags`, (t) => {
    if (!hasTools(t, shell)) return;
    for (const program of [EDGETWIN, EDGETWIN_HUB]) {
      const flags = offered(
        shell,
        program,
        program.commands.map(({ words }) => [...words, '--']),
      );
      for (const [index, command] of program.commands.entries()) {
        const known = flagsOf(command).map(({ name }) => `--${name}`);
        t.deepEqual(flags[index], known, commandName(command));
      }
      const steps = program.commands.flatMap(({ words }) =>
        words.map((word, index) => ({ word, line: [...words.slice(0, index), word.slice(0, 2)] })),
      );
      const found = offered(
        shell,
        program,
        steps.map(({ line }) => line),
      );
      for (const [index, { word, line }] of steps.entries())
        t.true(found[index]?.includes(word), line.join(' '));
    }
  });

  test(`${shell} completes values: choices, folders, files, and nothing where anything may stand`, (t) => {
    if (!hasTools(t, shell)) return;
    const cases: readonly (readonly [Words, Words])[] = [
      [
        ['operator', 'create', '--role', ''],
        ['viewer', 'operator', 'admin'],
      ],
      [['operator', 'create', '--role', '=', 'a'], ['admin']],
      [
        ['run', '--log-level', '='],
        ['debug', 'info', 'warn', 'error'],
      ],
      [['nodes', '--data', 'some'], ['some-folder']],
      [['backup', '--data', 'x', 'some-fi'], ['some-file']],
      [['token', 'create', '--node', ''], []],
      [
        ['completion', ''],
        ['bash', 'zsh'],
      ],
      [['nothing', ''], []],
      [['', ''], []],
      [['--ver'], ['--version']],
    ];
    const found = offered(
      shell,
      EDGETWIN_HUB,
      cases.map(([line]) => line),
    );
    for (const [index, [line, expected]] of cases.entries())
      t.deepEqual(found[index], [...expected], line.join(' '));
  });
}
