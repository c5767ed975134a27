/** A token bucket: `perSecond` on average and `burst` at once. Pure: `nowMs` is monotonic. */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #atMs = 0;

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#level = burst;
  }

  /** Takes one and returns true, or takes nothing and returns false. */
  take(nowMs: number): boolean {
    this.#level = Math.min(this.#burst, this.#level + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#level < 1) return false;
    this.#level--;
    return true;
  }
}
