import { GATEWAY_LIMITS } from '../limits.js';

/**
 * When STATE may leave. The first change after a quiet time leaves at once; then the window holds,
 * so that a burst becomes one message with the newest value of each property. What somebody waits
 * for, the read-back of a desired value, waits for a much shorter one.
 */
export class SendWindow {
  readonly #windowMs: number;
  #sentAtMs = -Infinity;
  #isUrgent = false;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Monotonic milliseconds. */
  get opensAtMs(): number {
    const { urgentWindowMs } = GATEWAY_LIMITS;
    const waitMs = this.#isUrgent ? Math.min(urgentWindowMs, this.#windowMs) : this.#windowMs;
    return this.#sentAtMs + waitMs;
  }

  hurry(): void {
    this.#isUrgent = true;
  }

  sent(now: number): void {
    this.#sentAtMs = now;
    this.#isUrgent = false;
  }

  /** A new session: nothing of it has left. */
  open(): void {
    this.#sentAtMs = -Infinity;
  }
}
