import { commandName, flagsOf } from './command.js';
import type { Command, Flag, Operand, Program } from './command.js';

/** `Usage: edgetwin twin get NAMESPACE/NAME [PROPERTY] [--config FILE] [--json]`. */
export function usageLine(program: Program, command: Command): string {
  return `Usage: ${synopsis(program, command)}`;
}

export function synopsis(program: Program, command: Command): string {
  const flags = flagsOf(command).filter(({ name }) => name !== 'help');
  return [
    program.name,
    commandName(command),
    ...(command.operands ?? []).map(operandForm),
    ...flags.map((flag) => (flag.required === true ? flagForm(flag) : `[${flagForm(flag)}]`)),
  ].join(' ');
}

export function programHelp(program: Program): string {
  return lines([
    `${program.name}: ${program.summary}`,
    '',
    `Usage: ${program.name} COMMAND [ARGUMENT]... [--flag VALUE]...`,
    '',
    ...columns(program.commands.map((command) => [commandName(command), command.summary])),
    '',
    `${program.name} COMMAND --help tells more; ${program.name} --version prints the version.`,
  ]);
}

export function commandHelp(program: Program, command: Command): string {
  return lines([
    command.summary,
    '',
    usageLine(program, command),
    '',
    ...columns(argumentRows(command)),
    '',
    `Example: ${command.example}`,
  ]);
}

/** The commands of a program as a chapter of docs/cli.md, which tests hold against the table. */
export function markdown(program: Program): string {
  const sections = program.commands.map((command) => {
    const rows = argumentRows(command).map(([left, right]) => `- \`${left}\`: ${right}`);
    return lines([
      `### ${program.name} ${commandName(command)}`,
      '',
      command.summary,
      '',
      '```sh',
      command.example,
      '```',
      '',
      ...rows,
    ]);
  });
  return [`## ${program.name}\n`, ...sections].join('\n');
}

function argumentRows(command: Command): [string, string][] {
  return [
    ...(command.operands ?? []).map((operand): [string, string] => [
      operandForm(operand),
      operand.summary,
    ]),
    ...flagsOf(command).map((flag): [string, string] => [flagForm(flag), flagSummary(flag)]),
  ];
}

function operandForm(operand: Operand): string {
  return operand.optional === true ? `[${operand.name}]` : operand.name;
}

function flagForm(flag: Flag): string {
  const value = flag.choices?.join('|') ?? flag.value;
  const name = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
  const form = value === undefined ? name : `${name} ${value}`;
  return flag.repeated === true ? `${form} ...` : form;
}

function flagSummary(flag: Flag): string {
  return flag.default === undefined ? flag.summary : `${flag.summary} Default: ${flag.default}.`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left?.length ?? 0));
  return rows.map(([left, right]) => `  ${(left ?? '').padEnd(width)}  ${right ?? ''}`);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
