import type { Clock, Timer } from '#protocol/clock.js';
import { MAPPER_LIMITS } from '../limits.js';

/** One timer, armed or not, with the function that it calls: made once, for each moment used anew. */
interface Slot {
  atMs: number;
  isExact: boolean;
  timer: Timer | undefined;
  /** Turns of the event loop that it was put off for. */
  turns: number;
  readonly fire: () => void;
}

/** Milliseconds late from which on this process was kept from running. */
const LATE_MS = 20;
/** Turns of the event loop that are given then to what came meanwhile: timers go before it. */
const TURNS_MAX = 3;
/** Milliseconds by which a timer is late as a rule: that much before an exact moment it may be due. */
const WAKING_MS = 0.1;
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
   * `isExact`: rather up to `napMaxMs` before it than after it; it is told `atMs` then, and what is
   * left until that moment is its own to wait for.
   */
  set(nowMs: number, atMs: number | undefined, isExact = false): void {
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
    const restMs = atMs - this.#clock.now();
    const wholeMs = Math.floor(restMs - WAKING_MS);
    this.#near.isExact = isExact && wholeMs > 0;
    this.#start(this.#near, this.#near.isExact ? wholeMs : Math.max(0, Math.ceil(restMs)));
  }

  /** It does not ring any more, unless it is set again. */
  cancel(): void {
    unset(this.#near);
    unset(this.#far);
  }

  #slot(): Slot {
    const slot: Slot = {
      ...{ atMs: Infinity, isExact: false, timer: undefined, turns: 0 },
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
    const { atMs, isExact } = slot;
    if (slot.turns < TURNS_MAX && nowMs - slot.atMs > LATE_MS) {
      slot.turns += 1;
      this.#start(slot, 1);
      return;
    }
    forget(slot);
    const isNear = isExact && atMs - nowMs <= MAPPER_LIMITS.napMaxMs;
    this.#ring(isNear ? Math.max(nowMs, atMs) : nowMs);
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
