import { CONGESTION } from './constants.js';
import type { Round } from './round-gauge.js';

/** Rounds for which growth stays slow after it was met by loss. */
const CALM_ROUNDS = 3;
const LOSS_ANSWER = 0.85;

/** The window that keeps the queue at its target (after FAST and Swift). Loss has no say. */
export class DelayMode {
  /** Growth doubles with each: 0 is none beyond the target's own. */
  #velocity = 0;
  #lowRounds = 0;

  /**
   * The window after `settled` packets were acknowledged or lost. `used`: the window was full, so
   * it may grow.
   */
  onSettled(
    window: number,
    settled: number,
    queueMs: number,
    targetMs: number,
    baseMs: number,
    used: boolean,
  ): number {
    const aim = (window * (baseMs + targetMs)) / (baseMs + queueMs);
    if (aim > window && this.#velocity > 0) {
      const growth = Math.max(targetMs / baseMs, 0.02) * 2 ** this.#velocity;
      return used ? window + Math.min(0.5, growth) * settled : window;
    }
    if (aim > window && !used) return window;
    const step = CONGESTION.gain * (settled / Math.max(window, CONGESTION.windowMin));
    return window + step * (aim - window);
  }

  /** `meanLoss`: of late. A round that loses much more answers for its growth. */
  onRound(
    window: number,
    round: Round,
    queueMs: number,
    targetMs: number,
    meanLoss: number,
  ): number {
    if (queueMs < CONGESTION.velocityBelow * targetMs && !round.appLimited) {
      this.#lowRounds++;
      if (this.#lowRounds >= CONGESTION.velocityAfterRounds)
        this.#velocity = Math.min(CONGESTION.velocityMax, this.#velocity + 1);
    } else this.still();
    const expected = meanLoss * round.packets;
    const isBurst = round.lost > expected + 6 * Math.sqrt(expected) + 3;
    if (!isBurst || this.#velocity === 0) return window;
    this.#velocity = 0;
    this.#lowRounds = -CALM_ROUNDS;
    return window * LOSS_ANSWER;
  }

  still(): void {
    this.#velocity = 0;
    this.#lowRounds = 0;
  }

  /** The next round with an empty queue already grows faster. */
  arm(): void {
    this.#lowRounds = CONGESTION.velocityAfterRounds;
  }
}
