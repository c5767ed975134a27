import { EdgeError } from '#protocol/errors.js';
import { EventQueue } from './event-queue.js';

/** Events without any time passing: more is a defect. */
export const STANDSTILL = 20_000;

/** Simulated time, shared by all that happens in it. Milliseconds. */
export class Timeline {
  readonly #events = new EventQueue<() => void>();
  #now = 0;

  get now(): number {
    return this.#now;
  }

  at(time: number, event: () => void): void {
    this.#events.add(time, event);
  }

  /** Runs until nothing is left to happen or the time is up; returns the time of the last event. */
  run(untilMs: number): number {
    for (let standing = 0; ; standing++) {
      const next = this.#events.next();
      if (next === undefined || next.at > untilMs) return this.#now;
      if (next.at > this.#now) standing = 0;
      if (standing > STANDSTILL)
        throw new EdgeError('EDGE_INTERNAL', `Time stands still at ${next.at} ms.`);
      this.#now = next.at;
      next.event();
    }
  }
}
