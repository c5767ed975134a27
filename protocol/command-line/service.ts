import type { Clock } from '../clock.js';
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
 * Runs a service from its start to an orderly stop. Rejects with EDGE_TIMEOUT when it does not stop
 * in time: the caller then ends the process.
 */
export async function serve(
  start: () => Promise<Service>,
  ports: { readonly clock: Clock; readonly log: Log },
  terminal: Terminal,
  json: boolean,
): Promise<void> {
  const service = await start();
  ports.log.info('ready', { ...service.ready });
  terminal.out(readyLine(service.ready, json));
  await aborted(terminal.signal);
  ports.log.info('stopping');
  await stopInTime(service, ports.clock);
  ports.log.info('stopped');
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

async function stopInTime(service: Service, clock: Clock): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimer('stop-deadline', STOP_WITHIN_MS, () =>
      reject(new EdgeError('EDGE_TIMEOUT', `the stop took longer than ${STOP_WITHIN_MS} ms`)),
    );
    service
      .stop()
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}
