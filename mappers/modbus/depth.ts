import { MAPPER_LIMITS as LIMITS } from '../limits.js';

/**
 * How many requests may be under way at once on a connection. It begins with one and grows while
 * requests wait and all are answered. When one is not, it is asked again alone: an answer then
 * means that there were too many at once, and that many are not tried again for a while.
 */
export class Depth {
  readonly #max: number;
  #allowed = 1;
  #ceiling: number;
  #ceilingUntilMs = Infinity;
  #answered = 0;
  #isSuspended = false;

  constructor(max: number) {
    this.#max = max;
    this.#ceiling = max;
  }

  get allowed(): number {
    return this.#isSuspended ? 1 : this.#allowed;
  }

  /** A request was answered while `underWay` were, and others waited. */
  answered(nowMs: number, underWay: number, othersWait: boolean): void {
    if (nowMs >= this.#ceilingUntilMs) {
      this.#ceiling = this.#max;
      this.#ceilingUntilMs = Infinity;
    }
    if (this.#isSuspended || !othersWait || underWay < this.#allowed) return;
    this.#answered += 1;
    if (this.#answered < LIMITS.repliesToDeepen || this.#allowed >= this.#ceiling) return;
    this.#allowed += 1;
    this.#answered = 0;
  }

  /** Only one at a time until the suspicion is `judged`. */
  suspect(): void {
    this.#isSuspended = true;
  }

  /** The request that was lost among `depth` was asked alone, and answered or not. */
  judged(nowMs: number, depth: number, wasAnswered: boolean): void {
    this.#isSuspended = false;
    if (wasAnswered) this.#lower(nowMs, depth);
  }

  /** The connection was lost with `depth` requests under way. */
  lost(nowMs: number, depth: number): void {
    this.#isSuspended = false;
    if (depth > 1) this.#lower(nowMs, depth);
    this.#allowed = 1;
  }

  #lower(nowMs: number, depth: number): void {
    this.#ceiling = Math.max(1, Math.min(this.#ceiling, depth - 1));
    this.#ceilingUntilMs = nowMs + LIMITS.depthRetryMs;
    this.#allowed = Math.min(this.#allowed, this.#ceiling);
    this.#answered = 0;
  }
}
