import { MAPPER_LIMITS as LIMITS } from './limits.js';

/**
 * The pause after a request without an answer, in which the answer may still come: it would be taken
 * for the answer to the next one. Of one slave or sensor; times are monotonic milliseconds.
 */
export class Quarantine {
  #givenUpAtMs = 0;
  #untilMs = 0;
  #atLeastMs: number = LIMITS.quarantineMinMs;

  /** Nothing is to be asked before. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /** It had `timeoutMs` and did not answer. */
  begin(nowMs: number, timeoutMs: number): void {
    this.#givenUpAtMs = nowMs;
    this.#untilMs = nowMs + Math.max(timeoutMs, this.#atLeastMs);
  }

  /** A new connection: nothing old can arrive. */
  end(): void {
    this.#untilMs = 0;
  }

  /** Its answer came in the pause: the next ones are twice as long as this took. */
  repliedLate(nowMs: number): void {
    const doubledMs = 2 * (nowMs - this.#givenUpAtMs);
    this.#atLeastMs = Math.min(LIMITS.quarantineMaxMs, Math.max(this.#atLeastMs, doubledMs));
  }
}
