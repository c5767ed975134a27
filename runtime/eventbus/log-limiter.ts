import type { Clock } from '#protocol/clock.js';
import type { Log, LogFields } from '#protocol/log.js';

/** One line of an event in this time: a client must not be able to write the log full. */
const QUIET_MS = 10_000;

/** Warnings that a peer can cause at will, at most one of a kind at a time, with a count. */
export class LogLimiter {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #seen = new Map<string, { atMs: number; suppressed: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  warn(event: string, fields: LogFields): void {
    const now = this.#clock.now();
    const last = this.#seen.get(event);
    if (last !== undefined && now - last.atMs < QUIET_MS) {
      last.suppressed++;
      return;
    }
    this.#seen.set(event, { atMs: now, suppressed: 0 });
    this.#log.warn(event, { ...fields, ...(last?.suppressed ? { more: last.suppressed } : {}) });
  }
}
