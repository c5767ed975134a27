import type { Clock, Timer } from '#protocol/clock.js';

interface Armed {
  readonly atMs: number;
  readonly timer: Timer;
}

/**
 * Rings at a moment that moves all the time. A timer that was set for an earlier one is left to
 * ring in vain rather than set anew: a bus moves its next deadline with each request, a timer costs
 * more than the rest of a transaction's bookkeeping, and in vain is once in a whole time-out.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #ring: () => void;
  /** A near moment (the end of a silence) does not cost the timer of a far one (a deadline). */
  #near: Armed | undefined;
  #far: Armed | undefined;

  constructor(clock: Clock, name: string, ring: () => void) {
    this.#clock = clock;
    this.#name = name;
    this.#ring = ring;
  }

  /** Rings at `atMs`, monotonic, or before; undefined: not at all. Whoever hears it sets it again. */
  set(atMs: number | undefined): void {
    if (atMs === undefined) {
      this.#near?.timer.cancel();
      this.#far?.timer.cancel();
      this.#near = this.#far = undefined;
      return;
    }
    if ((this.#near?.atMs ?? Infinity) <= atMs || (this.#far?.atMs ?? Infinity) <= atMs) return;
    if (this.#far === undefined) this.#far = this.#near;
    else this.#near?.timer.cancel();
    this.#near = this.#armed(atMs);
  }

  #armed(atMs: number): Armed {
    // Rounded up: waking early would only mean waking again.
    const delayMs = Math.max(0, Math.ceil(atMs - this.#clock.now()));
    const timer = this.#clock.setTimer(this.#name, delayMs, () => {
      if (this.#near === armed) this.#near = undefined;
      if (this.#far === armed) this.#far = undefined;
      this.#ring();
    });
    const armed = { atMs, timer };
    return armed;
  }
}
