import { HUB_LIMITS } from '../limits.js';

/** A token bucket over new sessions: a storm of reconnections must not starve those that stand. */
export class Admission {
  #tokens: number = HUB_LIMITS.handshakeBurst;
  #filledMs: number;

  constructor(nowMs: number) {
    this.#filledMs = nowMs;
  }

  /** Takes a token; false when there is none. */
  admit(nowMs: number): boolean {
    const gained = ((nowMs - this.#filledMs) / 1000) * HUB_LIMITS.handshakesPerSecond;
    this.#tokens = Math.min(HUB_LIMITS.handshakeBurst, this.#tokens + gained);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
