/** The declarative table of one program's commands: parser, help and documentation read it. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

export interface Command {
  /** `['twin', 'get']`. */
  readonly words: readonly string[];
  readonly summary: string;
  readonly operands?: readonly Operand[];
  readonly flags?: readonly Flag[];
  readonly example: string;
}

export interface Operand {
  readonly name: string;
  readonly optional?: boolean;
  /** The only values it takes. */
  readonly choices?: readonly string[];
  readonly summary: string;
}

export interface Flag {
  /** Without the two dashes. */
  readonly name: string;
  /** One letter, for one dash. */
  readonly short?: string;
  /** What stands for the value in help, `FILE`; a flag without one is a switch. */
  readonly value?: string;
  readonly required?: boolean;
  readonly repeated?: boolean;
  /** The value when the flag is not given. */
  readonly default?: string;
  /** The only values it takes. */
  readonly choices?: readonly string[];
  readonly summary: string;
}

/** Every command takes these. */
export const COMMON_FLAGS: readonly Flag[] = [
  { name: 'json', summary: 'Print JSON, and errors as JSON on standard error.' },
  { name: 'help', summary: 'Print this help.' },
];

export function flagsOf(command: Command): readonly Flag[] {
  return [...(command.flags ?? []), ...COMMON_FLAGS];
}

export function commandName(command: Command): string {
  return command.words.join(' ');
}
