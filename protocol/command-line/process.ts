import { EdgeError } from '../errors.js';
import type { Log } from '../log.js';
import type { Program } from './command.js';
import { EXIT } from './exit-code.js';
import { runCommandLine } from './terminal.js';
import type { Dispatch } from './terminal.js';

/** The parts of Node's `process` that a program's command line lives on. */
export interface ProcessPort {
  readonly argv: readonly string[];
  readonly stdout: OutputPort;
  readonly stderr: OutputPort;
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: Error) => void): unknown;
  exit(code: number): void;
}

interface OutputPort {
  write(text: string, done?: () => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * A whole program: reads its words, performs the command, says how it ended by its exit code. The
 * first signal asks for an orderly end, the second one ends at once. A defect that nobody caught
 * is logged and ends the program: its state cannot be trusted, and a supervisor starts it anew.
 */
export async function runProcess(
  process: ProcessPort,
  program: Program,
  parts: { readonly version: () => string; readonly dispatch: Dispatch; readonly log: Log },
): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.failure);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const onDefect = (thrown: Error): void => {
    parts.log.error('uncaught', { error: EdgeError.from(thrown), stack: thrown.stack });
    process.exit(EXIT.failure);
  };
  process.on('uncaughtException', onDefect);
  process.on('unhandledRejection', onDefect);
  // The reader of a pipe has enough: `edgetwin twin watch | head`.
  process.stdout.on('error', () => process.exit(EXIT.ok));
  process.stderr.on('error', () => undefined);
  const terminal = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
    signal: stop.signal,
  };
  const { version, dispatch } = parts;
  const code = await runCommandLine(program, version, dispatch, process.argv.slice(2), terminal);
  process.stdout.write('', () => process.exit(code));
}
