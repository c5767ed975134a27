import { JOURNAL_LIMITS } from './limits.js';
import { errnoOf } from './storage-error.js';

/** Doubling waits between attempts at a failing storage; short again after a quiet time. */
export class RetryDelay {
  #delayMs: number = JOURNAL_LIMITS.retryMinMs;
  #lastMs = 0;

  /** Milliseconds to wait after `error`, given the monotonic time. */
  after(error: Error, nowMs: number): number {
    if (nowMs - this.#lastMs > 2 * JOURNAL_LIMITS.retryMaxMs) {
      this.#delayMs = JOURNAL_LIMITS.retryMinMs;
    }
    this.#lastMs = nowMs;
    const errno = errnoOf(error);
    const full = errno === 'ENOSPC' || errno === 'EDQUOT';
    const maxMs = full ? JOURNAL_LIMITS.retryFullMaxMs : JOURNAL_LIMITS.retryMaxMs;
    const delayMs = Math.min(this.#delayMs, maxMs);
    this.#delayMs = Math.min(delayMs * 2, maxMs);
    return delayMs;
  }
}
