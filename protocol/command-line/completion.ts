import type { Command, Flag, Operand, Program } from './command.js';
import { commandName, flagsOf } from './command.js';
import type { CommandHandler } from './terminal.js';

/** What both programs have: `completion bash|zsh`. */
export function completionCommand(program: string): Command {
  return {
    words: ['completion'],
    summary: 'Print a script that completes commands, flags and files in a shell.',
    operands: [{ name: 'SHELL', choices: SHELLS, summary: 'bash or zsh.' }],
    example: `${program} completion bash`,
  };
}

const SHELLS = ['bash', 'zsh'] as const;

/** Prints the script for the shell: `eval "$(edgetwin completion bash)"` in its start file. */
export function completion(program: Program): CommandHandler {
  return (args, terminal) => {
    terminal.out(completionScript(program, args.required('SHELL') as (typeof SHELLS)[number]));
    return Promise.resolve();
  };
}

const ZSH_FIRST = [
  '(( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit; }',
  'autoload -Uz bashcompinit && bashcompinit',
];

/** One function for both shells, made from the table; nothing is asked when a key is pressed. */
export function completionScript(program: Program, shell: (typeof SHELLS)[number]): string {
  const name = `_${program.name.replaceAll('-', '_')}`;
  const lines = [
    `# Completion of ${program.name} in ${shell}, for its start file:`,
    `#   eval "$(${program.name} completion ${shell})"`,
    ...(shell === 'zsh' ? ZSH_FIRST : []),
    `${name}() {`,
    `  local cur=\${COMP_WORDS[COMP_CWORD]-} prev=\${COMP_WORDS[COMP_CWORD-1]-} kind= choices= at=0`,
    // `--flag=VALUE` is three words where `=` breaks words.
    `  if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev=\${COMP_WORDS[COMP_CWORD-2]-}; fi`,
    `  COMPREPLY=()`,
    `  local line="${typedWords(program)}"`,
    `  case "$COMP_CWORD:$line" in`,
    `    1:*) choices='${wordsAfter(program, []).join(' ')} --help --version' ;;`,
    ...beginnings(program).map(
      (words) =>
        `    ${words.length + 1}:'${words.join(' ')} '*) choices='${wordsAfter(program, words).join(' ')}' ;;`,
    ),
    `    *)`,
    `      case "$line" in`,
    ...program.commands.flatMap((command) => [
      `        '${commandName(command)} '*)`,
      ...caseOf(command).map((line) => `          ${line}`),
      `          ;;`,
    ]),
    `      esac`,
    `      ;;`,
    `  esac`,
    `  case "$kind" in`,
    `    file) COMPREPLY=($(compgen -f -- "$cur")) ;;`,
    `    folder) COMPREPLY=($(compgen -d -- "$cur")) ;;`,
    `    none) ;;`,
    `    *) COMPREPLY=($(compgen -W "$choices" -- "$cur")) ;;`,
    `  esac`,
    `}`,
    // Names of files are quoted, and a folder gets its slash.
    `complete ${shell === 'bash' ? '-o filenames ' : ''}-F ${name} ${program.name}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** What may stand at the cursor: the value of the flag before it, an operand, or a flag. */
function caseOf(command: Command): string[] {
  const flags = flagsOf(command);
  const valued = flags.filter(({ value }) => value !== undefined);
  const [operand] = command.operands ?? [];
  return [
    `at=$((COMP_CWORD - ${command.words.length}))`,
    `choices='${flags.map(({ name }) => `--${name}`).join(' ')}'`,
    `case "$prev" in`,
    ...valued.map((flag) => `  --${flag.name}) ${wantedBy(flag.choices, flag.value ?? '')} ;;`),
    ...(operand === undefined ? [] : [`  *) ${operandCase(operand)} ;;`]),
    `esac`,
  ];
}

function operandCase(operand: Operand): string {
  const wanted = wantedBy(operand.choices, operand.name);
  if (wanted === NOTHING) return ':';
  // A file may stand behind flags as well.
  const first = operand.choices === undefined ? '*' : '1';
  return `case "$at:$cur" in *:-*) ;; ${first}:*) ${wanted} ;; esac`;
}

const NOTHING = 'kind=none';

function wantedBy(choices: Flag['choices'], value: string): string {
  if (choices !== undefined) return `choices='${choices.join(' ')}'`;
  if (value === 'FILE') return 'kind=file';
  return value === 'DIR' ? 'kind=folder' : NOTHING;
}

/** The words that a command's name may reach to, and a space after each. */
function typedWords({ commands }: Program): string {
  const most = Math.max(...commands.map(({ words }) => words.length));
  return Array.from({ length: most }, (_, index) => `\${COMP_WORDS[${index + 1}]-} `).join('');
}

/** What commands of several words begin with: `mapper`, `mapper template`. */
function beginnings({ commands }: Program): string[][] {
  const found = commands.flatMap(({ words }) =>
    words.slice(1).map((_, index) => words.slice(0, index + 1)),
  );
  return [...new Map(found.map((words) => [words.join(' '), words])).values()];
}

function wordsAfter({ commands }: Program, beginning: readonly string[]): string[] {
  const longer = commands.filter(({ words }) => beginning.every((word, at) => words[at] === word));
  return [...new Set(longer.flatMap(({ words }) => words.slice(beginning.length).slice(0, 1)))];
}
