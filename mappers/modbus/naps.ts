import type { Clock } from '#protocol/clock.js';
import { MAPPER_LIMITS as LIMITS } from '../limits.js';

/** Milliseconds by which Linux lets a sleep last longer (timer slack, prctl(2)). */
const SLACK_MS = 0.05;
/** Milliseconds of the shortest nap. */
const NAP_MIN_MS = 0.01;

/**
 * Ends the silences of serial lines in time. Timers know whole milliseconds only, and the silence
 * between two frames has 1.75 at 38,400 baud and above: what is left of it after a timer is slept in
 * place. Nothing else of this process runs then, so all lines together may take only a share of the
 * time (MAPPER_LIMITS.napShare); beyond it, and where the clock cannot, silences are rounded up.
 */
export class Naps {
  readonly #clock: Clock;
  #leftMs: number = LIMITS.napBurstMs;
  #countedAtMs: number;
  #takenMs = 0;
  #refused = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedAtMs = clock.now();
  }

  /** Whether the end of a silence that is waited for now may be slept. */
  allowed(nowMs: number): boolean {
    if (this.#clock.nap === undefined) return false;
    const earnedMs = LIMITS.napShare * Math.max(0, nowMs - this.#countedAtMs);
    this.#leftMs = Math.min(LIMITS.napBurstMs, this.#leftMs + earnedMs);
    this.#countedAtMs = Math.max(this.#countedAtMs, nowMs);
    if (this.#leftMs <= 0) this.#refused += 1;
    return this.#leftMs > 0;
  }

  /** Returns at `atMs`, monotonic, or a little later, never before. */
  until(atMs: number): void {
    const fromMs = this.#clock.now();
    if (fromMs >= atMs || this.#clock.nap === undefined) return;
    let nowMs = fromMs;
    while (nowMs < atMs) {
      this.#clock.nap(Math.max(NAP_MIN_MS, atMs - nowMs - SLACK_MS));
      nowMs = this.#clock.now();
    }
    this.#takenMs += nowMs - fromMs;
    this.#leftMs -= nowMs - fromMs;
  }

  /** For `status`: milliseconds slept, and silences that were rounded up since too many were. */
  counters(): Readonly<Record<string, number>> {
    return { napMs: Math.round(this.#takenMs), napsRefused: this.#refused };
  }
}
