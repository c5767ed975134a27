import { ManualClock } from '#protocol/manual-clock.js';

/** What it takes to get from one reading to the next. */
const READING_MS = 0.03;

/**
 * A clock on which work takes time, as on a real machine: it is later with every reading. Timers
 * fire by the time of events, so a little early by what was read when they were set, as Node's do.
 */
export class WorkingClock extends ManualClock {
  #read = 0;

  override now(): number {
    this.#read = Math.max(this.#read + READING_MS, super.now());
    return this.#read;
  }
}
