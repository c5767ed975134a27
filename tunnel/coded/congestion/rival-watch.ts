import { CONGESTION } from './constants.js';
import type { LossGauge } from './loss-gauge.js';
import { RecentExtreme } from './recent-extreme.js';

/** Tells a flow that fills the queue from our own overshoot: it keeps the queue above our target. */
export class RivalWatch {
  readonly #targets = new RecentExtreme('least', CONGESTION.rivalTargetSpanMs, 100);
  #since: number | undefined;
  #score = 0;
  #window = 0;
  #mostMs = 0;
  #overflowRounds = 0;

  /** The window when the queue began to rise; 0: it did not. */
  get windowAtRise(): number {
    return this.#window;
  }

  /** A round of the delay mode ended. `leftAt`: when the last competition ended. */
  standsAbove(
    leastMs: number,
    targetMs: number,
    isCut: boolean,
    window: number,
    now: number,
    leftAt: number,
  ): boolean {
    const { rivalTargetMaxMs, rivalAgainMs, rivalAgainRounds, rivalRounds } = CONGESTION;
    this.#targets.add(targetMs, now);
    const own = this.#targets.value;
    const reference = Math.min(rivalTargetMaxMs, targetMs, 2 * own);
    const above = isCut ? 1.25 * reference + 1 : Math.max(1.5 * reference + 2, 1.3 * own + 2);
    if (leastMs <= above) {
      if (this.#since !== undefined && --this.#score <= 0) this.#since = undefined;
      return false;
    }
    if (this.#since === undefined) {
      this.#since = now;
      this.#window = window;
      this.#mostMs = 0;
      this.#score = 0;
    }
    this.#score++;
    this.#mostMs = Math.max(this.#mostMs, leastMs);
    const again = now - leftAt < rivalAgainMs;
    const spanMs = again ? CONGESTION.rivalAgainSpanMs : CONGESTION.rivalMs;
    return (
      this.#score >= (again ? rivalAgainRounds : rivalRounds) &&
      now - this.#since > spanMs &&
      leastMs > this.#mostMs / 2 // a falling queue was our own step
    );
  }

  /** A round ended: loss that comes with a queue only has been there for some rounds. */
  overflows(losses: LossGauge): boolean {
    this.#overflowRounds = losses.overflows ? this.#overflowRounds + 1 : 0;
    return this.#overflowRounds >= CONGESTION.overflowRounds && losses.random !== undefined;
  }

  reset(): void {
    this.#since = undefined;
    this.#overflowRounds = 0;
  }
}
