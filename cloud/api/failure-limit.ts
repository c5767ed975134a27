/**
 * Counts failed authentications by address in a fixed window. A valid token is never refused for
 * the failures of its address: 256 random bits are not guessed, and one misconfigured client behind
 * the same proxy must not lock everybody out. What is limited is the attempts that fail.
 */
export class FailureLimit {
  readonly #limits: FailureLimits;
  /** Oldest window first. */
  readonly #windows = new Map<string, { readonly since: number; count: number }>();

  constructor(limits: FailureLimits) {
    this.#limits = limits;
  }

  /** Records a failure; true when this address has failed too often lately. */
  failed(address: string, now: number): boolean {
    const window = this.#window(address, now);
    window.count++;
    return window.count > this.#limits.failures;
  }

  #window(address: string, now: number): { count: number } {
    const known = this.#windows.get(address);
    if (known !== undefined && now - known.since < this.#limits.failureWindowMs) return known;
    this.#windows.delete(address);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= this.#limits.failureAddresses && oldest !== undefined)
      this.#windows.delete(oldest);
    const fresh = { since: now, count: 0 };
    this.#windows.set(address, fresh);
    return fresh;
  }
}

export interface FailureLimits {
  readonly failures: number;
  readonly failureWindowMs: number;
  readonly failureAddresses: number;
}
