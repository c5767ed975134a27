import { CONGESTION } from './constants.js';

const FULL_WEIGHT = 0.3;
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * The queue that the delay mode aims at. It depends on the own rate alone and falls with it, so
 * flows that see the same queue come to the same rate; a buffer that overflows earlier lowers it.
 */
export class QueueTarget {
  #fullMs = 0;
  #fullAt = 0;

  /** `rate`: own packets per second. */
  targetMs(rate: number): number {
    const free = freeTargetMs(rate);
    if (this.#fullMs === 0) return free;
    const share = CONGESTION.targetOfFull * this.#fullMs;
    return Math.max(CONGESTION.targetOfFullMinMs, Math.min(free, share));
  }

  /** A short buffer keeps the target down at this rate. */
  isCut(rate: number): boolean {
    return this.#fullMs > 0 && this.targetMs(rate) < freeTargetMs(rate) - 0.01;
  }

  /** The buffer overflowed with a queue of so long. */
  overflowed(queueMs: number, now: number): void {
    this.#fullMs += this.#fullMs === 0 ? queueMs : FULL_WEIGHT * (queueMs - this.#fullMs);
    this.#fullAt = now;
  }

  fullAt(queueMs: number, now: number): void {
    this.#fullMs = queueMs;
    this.#fullAt = now;
  }

  /** A round passed without overflow. */
  held(queueMs: number, now: number): void {
    if (this.#fullMs === 0) return;
    if (queueMs > this.#fullMs * 1.3) this.#fullMs = queueMs;
    else if (now - this.#fullAt > FORGOTTEN_AFTER_MS) this.#fullMs = 0;
  }
}

function freeTargetMs(rate: number): number {
  const { targetMs, targetRate, targetExponent, targetMinMs, targetMaxMs } = CONGESTION;
  const target = targetMs * (targetRate / Math.max(rate, 1)) ** targetExponent;
  return Math.min(targetMaxMs, Math.max(targetMinMs, target));
}
