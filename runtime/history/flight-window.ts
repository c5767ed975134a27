import { HISTORY_LIMITS } from './limits.js';

/**
 * How much of the history may be in flight. Whatever is handed to the link stands before the next
 * state message there, so it grows only while answers come about as soon as the first one did, and
 * shrinks when a queue builds up.
 */
export class FlightWindow {
  #chars: number = 4 * HISTORY_LIMITS.flightCharsMin;
  #soonestMs = Infinity;
  #halvedAtMs = -Infinity;

  get chars(): number {
    return this.#chars;
  }

  /** At least two messages fit, so that the link does not idle while one is answered. */
  get messageChars(): number {
    const { messageCharsMin, messageCharsMax } = HISTORY_LIMITS;
    return Math.min(Math.max(Math.floor(this.#chars / 2), messageCharsMin), messageCharsMax);
  }

  /** A message of so many characters, sent at `sentAtMs`, was answered. */
  answered(chars: number, sentAtMs: number, now: number): void {
    const { flightCharsMin, flightCharsMax, queueingLowMs, queueingHighMs } = HISTORY_LIMITS;
    const tookMs = now - sentAtMs;
    this.#soonestMs = Math.min(this.#soonestMs, tookMs);
    const queueingMs = tookMs - this.#soonestMs;
    if (queueingMs <= queueingLowMs) {
      this.#chars = Math.min(this.#chars + chars, flightCharsMax);
    } else if (queueingMs > queueingHighMs && sentAtMs > this.#halvedAtMs) {
      // Once for all that was in flight then.
      this.#halvedAtMs = now;
      this.#chars = Math.max(Math.floor(this.#chars / 2), flightCharsMin);
    }
  }
}
