import { CONGESTION } from './constants.js';
import { RecentExtreme } from './recent-extreme.js';

/**
 * How long packets stand in the queue: delay above the least of late, one way by the receiver's
 * clock (its offset cancels) or, for want of it, of the round trip. The least over half a round
 * trip stays, so jitter, compressed acknowledgements and a late event loop do not count.
 */
export class QueueGauge {
  readonly #baseOneWay = baseMinimum();
  readonly #baseRoundTrip = baseMinimum();
  readonly #standing = new RecentExtreme('least', CONGESTION.queueSpanMaxMs, 1);
  readonly #largest = new RecentExtreme('largest', CONGESTION.queueMaxSpanMs, 100);
  #roundLeast = Infinity;
  #roundMost = 0;

  /** The path's own round trip. */
  get baseMs(): number {
    return this.#baseRoundTrip.value;
  }

  /** The queue that stands now. */
  get standingMs(): number {
    const { value } = this.#standing;
    return value === Infinity ? 0 : value;
  }

  /** Largest and least standing queue of this round. */
  get roundMostMs(): number {
    return this.#roundMost;
  }

  get roundLeastMs(): number {
    return this.#roundLeast === Infinity ? this.standingMs : this.#roundLeast;
  }

  /** Largest standing queue of ten seconds. */
  get largestMs(): number {
    return Math.max(0, this.#largest.value);
  }

  /** Returns what of the delay is queue. */
  oneWay(delayMs: number, smoothedMs: number, now: number): number {
    this.#baseOneWay.add(delayMs, now);
    return this.#queued(delayMs - this.#baseOneWay.value, smoothedMs, now);
  }

  /** `alone`: the receiver told no time, so the round trip has to say what is queue. */
  roundTrip(delayMs: number, smoothedMs: number, now: number, alone: boolean): number {
    this.#baseRoundTrip.add(delayMs, now);
    const queued = Math.max(0, delayMs - this.#baseRoundTrip.value);
    return alone ? this.#queued(queued, smoothedMs, now) : queued;
  }

  /** All samples of one acknowledgement are in. */
  note(): void {
    this.#roundMost = Math.max(this.#roundMost, this.standingMs);
    this.#roundLeast = Math.min(this.#roundLeast, this.standingMs);
  }

  endRound(now: number): void {
    this.#largest.add(this.#roundMost, now);
  }

  newRound(): void {
    this.#roundMost = 0;
    this.#roundLeast = Infinity;
  }

  /** After a silence: what stood then says nothing. */
  forgetStanding(): void {
    this.#standing.clear();
  }

  #queued(queueMs: number, smoothedMs: number, now: number): number {
    const { queueSpanMinMs: min, queueSpanMaxMs: max } = CONGESTION;
    this.#standing.add(queueMs, now, Math.max(min, Math.min(smoothedMs / 2, max)));
    return queueMs;
  }
}

function baseMinimum(): RecentExtreme {
  const { baseStepMs, baseSteps } = CONGESTION;
  return new RecentExtreme('least', baseStepMs * baseSteps, baseStepMs);
}
