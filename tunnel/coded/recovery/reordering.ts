import { RECOVERY } from './constants.js';

/** Part of the surplus that is forgotten with each packet in order. */
const FORGET = 1 / 1_024;

/**
 * How much later a packet may have been sent than one that is still expected. Grows to what is
 * seen (as RACK, RFC 8985 section 6.2), forgets slowly, never beyond half a round trip.
 */
export class Reordering {
  #windowMs: number = RECOVERY.reorderingMs;

  get windowMs(): number {
    return this.#windowMs;
  }

  /** A packet reported missing arrived after one sent `extentMs` later. */
  seen(extentMs: number, roundTripMs: number): void {
    const limit = Math.max(RECOVERY.reorderingMs, roundTripMs / 2);
    this.#windowMs = Math.min(Math.max(this.#windowMs, 1.25 * extentMs + 1), limit);
  }

  inOrder(): void {
    this.#windowMs += (RECOVERY.reorderingMs - this.#windowMs) * FORGET;
  }
}
