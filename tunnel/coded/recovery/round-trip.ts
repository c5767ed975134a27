import { RECOVERY } from './constants.js';

/** The round trip of a path, smoothed as in RFC 9002 section 5; milliseconds. */
export class RoundTrip {
  #smoothed: number;
  #variation: number;
  #minimum: number;

  /** `initialMs`: measured by the handshake, or remembered. */
  constructor(initialMs: number, variationMs = initialMs / 8) {
    this.#smoothed = initialMs;
    this.#variation = variationMs;
    this.#minimum = initialMs;
  }

  get smoothedMs(): number {
    return this.#smoothed;
  }

  get variationMs(): number {
    return this.#variation;
  }

  get minimumMs(): number {
    return this.#minimum;
  }

  /** How long an end with this round trip may hold an acknowledgement back. */
  get ackDelayMs(): number {
    return Math.min(RECOVERY.ackDelayMaxMs, RECOVERY.ackDelayShare * this.#smoothed);
  }

  /** Takes a sample and returns it without the peer's delay. */
  sample(elapsedMs: number, ackDelayMs: number): number {
    const sample = Math.max(elapsedMs - ackDelayMs, 0.1);
    this.#variation += (Math.abs(sample - this.#smoothed) - this.#variation) / 4;
    this.#smoothed += (sample - this.#smoothed) / 8;
    this.#minimum = Math.min(this.#minimum, sample);
    return sample;
  }

  /** The path has become longer for good. */
  rebase(minimumMs: number): void {
    this.#minimum = minimumMs;
  }
}
