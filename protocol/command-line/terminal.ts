import { EdgeError } from '../errors.js';
import type { Command, Program } from './command.js';
import { errorText, EXIT, exitCodeOf } from './exit-code.js';
import { commandHelp, programHelp } from './help.js';
import { parseCommandLine } from './parse.js';
import type { Arguments, Invocation } from './parse.js';

/** What a command may do with the process it runs in. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Aborted when a person or a supervisor asks the program to end (SIGINT, SIGTERM). */
  readonly signal: AbortSignal;
}

export type CommandHandler = (args: Arguments, terminal: Terminal) => Promise<void>;

/** Finds the handler of a command; it may load modules for it. */
export type Dispatch = (command: Command) => Promise<CommandHandler>;

/** One invocation from words to exit code. Never rejects. */
export async function runCommandLine(
  program: Program,
  version: () => string,
  dispatch: Dispatch,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    const invocation = parseCommandLine(program, argv);
    await perform(program, version, dispatch, invocation, terminal);
    return EXIT.ok;
  } catch (thrown) {
    const error = EdgeError.from(thrown);
    terminal.err(errorText(error, argv.includes('--json')));
    return exitCodeOf(error);
  }
}

async function perform(
  program: Program,
  version: () => string,
  dispatch: Dispatch,
  invocation: Invocation,
  terminal: Terminal,
): Promise<void> {
  switch (invocation.kind) {
    case 'version':
      terminal.out(`${program.name} ${version()}\n`);
      return;
    case 'help':
      terminal.out(
        invocation.command === undefined
          ? programHelp({ ...program, commands: invocation.within ?? program.commands })
          : commandHelp(program, invocation.command),
      );
      return;
    case 'run':
      await (
        await dispatch(invocation.command)
      )(invocation.args, terminal);
  }
}
