import { RECOVERY } from './constants.js';

/** Milliseconds of a standing queue with hardly any loss after which the path is just longer. */
const REROUTED_MS = 120_000;

/**
 * Tells a queue that stands from one that comes and goes: the smallest round trip of the last
 * while is well above the path's own. Copies would feed it, so they stop, and stay away for a
 * while: two hundred times the bytes were sent without this rule.
 */
export class StandingQueue {
  #samples: { readonly at: number; readonly rttMs: number }[] = [];
  #standing = false;
  #since = 0;
  #heldUntil = -Infinity;
  #holdMs: number = RECOVERY.holdMs;

  get standing(): boolean {
    return this.#standing;
  }

  /** Copies are allowed: no queue stands, and none did lately. */
  copiesAllowed(now: number): boolean {
    return !this.#standing && now >= this.#heldUntil;
  }

  sample(rttMs: number, minimumMs: number, smoothedMs: number, now: number): void {
    const oldest = now - Math.max(200, 2 * smoothedMs);
    this.#samples.push({ at: now, rttMs });
    this.#samples = this.#samples.filter(({ at }) => at >= oldest);
    const least = this.#samples.reduce((min, { rttMs: one }) => Math.min(min, one), Infinity);
    const was = this.#standing;
    this.#standing = this.#samples.length >= 3 && least > minimumMs + Math.max(10, minimumMs / 8);
    if (!this.#standing) return;
    if (!was) this.#since = now;
    if (now > this.#heldUntil) {
      const back = now - this.#heldUntil < RECOVERY.backMs;
      this.#holdMs = back ? Math.min(2 * this.#holdMs, RECOVERY.holdMaxMs) : RECOVERY.holdMs;
    }
    this.#heldUntil = Math.max(this.#heldUntil, now + this.#holdMs);
  }

  /**
   * The smallest round trip of late, when the "queue" is so old and loses so little that it must
   * be a longer route. Without copies (there are none at so little loss) a mistake is harmless.
   */
  longerRoute(loss: number, now: number): number | undefined {
    if (!this.#standing || now - this.#since < REROUTED_MS || loss >= RECOVERY.lossMin)
      return undefined;
    return this.#samples.reduce((min, { rttMs }) => Math.min(min, rttMs), Infinity);
  }
}
