import { CONGESTION } from './constants.js';
import type { Feedback } from './feedback.js';
import { RecentExtreme } from './recent-extreme.js';

const RATE_ROUNDS = 8;
const RAW_ROUNDS = 10;
/** Loss is made good in rates up to here. */
const COMPENSATED_MAX = 0.6;

/** A round that ended. */
export interface Round {
  readonly index: number;
  readonly ms: number;
  readonly packets: number;
  readonly lost: number;
  /** Delivered per millisecond. */
  readonly rate: number;
  /** Fewer than half of its packets had to wait: the application gave no more. */
  readonly appLimited: boolean;
}

/** Rounds (until a packet sent after the round began is acknowledged) and what they delivered. */
export class RoundGauge {
  readonly #rates = new RecentExtreme('largest', RATE_ROUNDS, 1);
  readonly #rawRates = new RecentExtreme('largest', RAW_ROUNDS, 1);
  #open:
    { at: number; delivered: number; arrived: number; lost: number; limited: number } | undefined;
  #index = 0;
  #endsWith = 0;

  get index(): number {
    return this.#index;
  }

  /** What the bottleneck gives, loss made good: packets per millisecond, 0 before a round ended. */
  get rate(): number {
    return Math.max(0, this.#rates.value);
  }

  /** What arrived at best, loss not made good. */
  get rawRate(): number {
    return Math.max(0, this.#rawRates.value);
  }

  /** Rate of the open round with its loss made good; 0 when it is too young. */
  rateNow({ now, deliveredTotal }: Feedback): number {
    const open = this.#open;
    if (open === undefined || now - open.at <= 20) return 0;
    const loss = open.lost / Math.max(1, open.arrived + open.lost);
    const raw = (deliveredTotal - open.delivered) / (now - open.at);
    return raw / (1 - Math.min(COMPENSATED_MAX, loss));
  }

  /** Returns the round that this acknowledgement ends, if it does. */
  take(feedback: Feedback, persistentLoss: number): Round | undefined {
    const { now, arrived, lost, deliveredTotal, nextNumber } = feedback;
    const before = arrived.reduce((sum, { size }) => sum - size, deliveredTotal);
    this.#open ??= { at: now, delivered: before, arrived: 0, lost: 0, limited: 0 };
    const open = this.#open;
    open.arrived += arrived.length;
    open.lost += lost.length;
    for (const { limited } of arrived) if (limited) open.limited++;
    const top = arrived.at(-1)?.number ?? -1;
    const ms = now - open.at;
    if (top < this.#endsWith || ms < CONGESTION.roundMinMs) return undefined;
    const rate = (deliveredTotal - open.delivered) / ms;
    const index = ++this.#index;
    this.#rawRates.add(rate, index);
    this.#rates.add(rate / (1 - Math.min(persistentLoss, COMPENSATED_MAX)), index);
    this.#endsWith = nextNumber;
    this.#open = { at: now, delivered: deliveredTotal, arrived: 0, lost: 0, limited: 0 };
    return {
      index,
      ms,
      packets: open.arrived + open.lost,
      lost: open.lost,
      rate,
      appLimited: open.limited < open.arrived / 2,
    };
  }

  /** After a silence a new round begins with the next acknowledgement. */
  interrupt(): void {
    this.#open = undefined;
  }
}
