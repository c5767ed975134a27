import type { Clock, Timer } from '../clock.js';
import { EdgeError } from '../errors.js';
import type { Log } from '../log.js';
import type { Terminal } from './terminal.js';

/** Something that runs until it is told to stop. */
export interface Service {
  /** Printed as the one line on standard output: addresses to connect to. */
  readonly ready: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Supervisors kill after 10 s or more; a person waits less long. */
const STOP_WITHIN_MS = 5_000;

/**
 * Runs a service from its start to an orderly stop. Rejects with EDGE_TIMEOUT when it has not stopped
 * in time, also when it is still starting then: the caller ends the process.
 */
export async function serve(
  start: () => Promise<Service>,
  ports: { readonly clock: Clock; readonly log: Log },
  terminal: Terminal,
  json: boolean,
): Promise<void> {
  const { clock, log } = ports;
  const deadline = new StopDeadline(terminal.signal, clock);
  try {
    const service = await deadline.bound(start());
    log.info('ready', { ...service.ready });
    terminal.out(readyLine(service.ready, json));
    await aborted(terminal.signal);
    log.info('stopping');
    await deadline.bound(service.stop());
    log.info('stopped');
  } finally {
    deadline.cancel();
  }
}

/** Runs from the moment the signal is aborted. */
class StopDeadline {
  readonly #passed: Promise<never>;
  #timer: Timer | undefined;

  constructor(signal: AbortSignal, clock: Clock) {
    this.#passed = aborted(signal).then(
      () =>
        new Promise((_, reject) => {
          this.#timer = clock.setTimer('stop-deadline', STOP_WITHIN_MS, () =>
            reject(
              new EdgeError('EDGE_TIMEOUT', `the stop took longer than ${STOP_WITHIN_MS} ms`, {
                hint: 'What was acknowledged is safe; the log shows what was still under way.',
              }),
            ),
          );
        }),
    );
    this.#passed.catch(() => undefined);
  }

  bound<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#passed]);
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}

function readyLine(ready: Service['ready'], json: boolean): string {
  if (json) return `${JSON.stringify({ event: 'ready', ...ready })}\n`;
  const parts = Object.entries(ready).map(([name, address]) => `${name} ${address}`);
  return `ready: ${parts.join(', ')}\n`;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
