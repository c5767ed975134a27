import { RateLimit } from '../enrolment/rate-limit.js';
import type { ApiLimits } from './limits.js';

type Limits = Pick<ApiLimits, 'requestsPerSecond' | 'requestBurst' | 'operators'>;

/** What one operator may ask: a bucket of tokens each, so that nobody's program starves the rest. */
export class RequestRate {
  readonly #limits: Limits;
  /** The one that was used longest ago first. */
  readonly #buckets = new Map<string, RateLimit>();
  #refused = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get refused(): number {
    return this.#refused;
  }

  /** False, and counted: this operator asks too often. `nowMs` is monotonic. */
  take(operator: string, nowMs: number): boolean {
    const { requestsPerSecond, requestBurst, operators } = this.#limits;
    const bucket = this.#buckets.get(operator) ?? new RateLimit(requestsPerSecond, requestBurst);
    this.#buckets.delete(operator);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= operators && oldest !== undefined) this.#buckets.delete(oldest);
    this.#buckets.set(operator, bucket);
    if (bucket.take(nowMs)) return true;
    this.#refused++;
    return false;
  }
}
