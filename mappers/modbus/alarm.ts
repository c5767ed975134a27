import type { Clock, Timer } from '#protocol/clock.js';

interface Armed {
  readonly atMs: number;
  timer: Timer;
  /** Turns of the event loop that it was put off for. */
  turns: number;
}

/** Milliseconds late from which on this process was kept from running. */
const LATE_MS = 20;
/** Turns of the event loop that are given then to what came meanwhile: timers go before it. */
const TURNS_MAX = 3;

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
    const armed: Armed = { atMs, timer: this.#timer(delayMs, () => this.#due(armed)), turns: 0 };
    return armed;
  }

  /** A slave is not silent while its answer waits for a process that was held up. */
  #due(armed: Armed): void {
    if (armed.turns < TURNS_MAX && this.#clock.now() - armed.atMs > LATE_MS) {
      armed.turns += 1;
      armed.timer = this.#timer(1, () => this.#due(armed));
      return;
    }
    if (this.#near === armed) this.#near = undefined;
    if (this.#far === armed) this.#far = undefined;
    this.#ring();
  }

  #timer(delayMs: number, fire: () => void): Timer {
    return this.#clock.setTimer(this.#name, delayMs, fire);
  }
}
