import { EXIT } from './exit-code.js';
import type { Program } from './command.js';
import { runCommandLine } from './terminal.js';
import type { Dispatch } from './terminal.js';

/** The parts of Node's `process` that a program's command line lives on. */
export interface ProcessPort {
  readonly argv: readonly string[];
  readonly stdout: OutputPort;
  readonly stderr: OutputPort;
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): void;
}

interface OutputPort {
  write(text: string, done?: () => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * A whole program: reads its words, performs the command, says how it ended by its exit code. The
 * first signal asks for an orderly end, the second one ends at once.
 */
export async function runProcess(
  process: ProcessPort,
  program: Program,
  version: () => string,
  dispatch: Dispatch,
): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.failure);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // The reader of a pipe has enough: `edgetwin twin watch | head`.
  process.stdout.on('error', () => process.exit(EXIT.ok));
  process.stderr.on('error', () => undefined);
  const terminal = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
    signal: stop.signal,
  };
  const code = await runCommandLine(program, version, dispatch, process.argv.slice(2), terminal);
  process.stdout.write('', () => process.exit(code));
}
