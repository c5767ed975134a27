import type { Clock, Timer } from '#protocol/clock.js';

/** One timer, armed or not, with the function that it calls: made once, for each moment used anew. */
interface Slot {
  atMs: number;
  timer: Timer | undefined;
  /** Turns of the event loop that it was put off for. */
  turns: number;
  readonly fire: () => void;
}

/** Milliseconds late from which on this process was kept from running. */
const LATE_MS = 20;
/** Turns of the event loop that are given then to what came meanwhile: timers go before it. */
const TURNS_MAX = 3;
/** Milliseconds from one rest to the next under which the moments are taken to go on coming. */
const BUSY_MS = 16;

/**
 * Rings at a moment that moves all the time. A timer that was set for an earlier one is left to
 * ring in vain rather than set anew, and on a busy line also when there is nothing to wait for: a
 * bus moves its next deadline with each request, a timer costs more than the rest of a
 * transaction's bookkeeping, and in vain is once in a whole time-out.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #ring: (nowMs: number) => void;
  /** A near moment (the end of a silence) does not cost the timer of a far one (a deadline). */
  #near = this.#slot();
  #far = this.#slot();
  #restedAtMs = -Infinity;

  constructor(clock: Clock, name: string, ring: (nowMs: number) => void) {
    this.#clock = clock;
    this.#name = name;
    this.#ring = ring;
  }

  /**
   * Rings at `atMs`, monotonic, or before; undefined: there is nothing to ring for, so it may only
   * ring in vain. Whoever hears it sets it again. `nowMs`: when the caller last read the clock.
   */
  set(nowMs: number, atMs: number | undefined): void {
    if (atMs === undefined) {
      if (nowMs - this.#restedAtMs > BUSY_MS) this.cancel();
      this.#restedAtMs = nowMs;
      return;
    }
    if (this.#near.atMs <= atMs || this.#far.atMs <= atMs) return;
    if (this.#far.timer === undefined) [this.#far, this.#near] = [this.#near, this.#far];
    else unset(this.#near);
    // Rounded up, and by the time that it is: waking early would only mean waking again.
    this.#near.atMs = atMs;
    this.#start(this.#near, Math.max(0, Math.ceil(atMs - this.#clock.now())));
  }

  /** It does not ring any more, unless it is set again. */
  cancel(): void {
    unset(this.#near);
    unset(this.#far);
  }

  #slot(): Slot {
    const slot: Slot = {
      ...{ atMs: Infinity, timer: undefined, turns: 0 },
      fire: () => this.#due(slot),
    };
    return slot;
  }

  #start(slot: Slot, delayMs: number): void {
    slot.timer = this.#clock.setTimer(this.#name, delayMs, slot.fire);
  }

  /** A slave is not silent while its answer waits for a process that was held up. */
  #due(slot: Slot): void {
    const nowMs = this.#clock.now();
    if (slot.turns < TURNS_MAX && nowMs - slot.atMs > LATE_MS) {
      slot.turns += 1;
      this.#start(slot, 1);
      return;
    }
    forget(slot);
    this.#ring(nowMs);
  }
}

function unset(slot: Slot): void {
  slot.timer?.cancel();
  forget(slot);
}

function forget(slot: Slot): void {
  slot.timer = undefined;
  slot.atMs = Infinity;
  slot.turns = 0;
}
