import type { Feedback } from './feedback.js';
import { PacketTrain } from './packet-train.js';
import type { Round } from './round-gauge.js';

const FIRST_ROUNDS = 2;
const PLATEAU_ROUNDS = 3;
const GROWTH = 1.2;
const SLOPE_PACKETS = 32;
const SLOPE_PACKETS_MIN = 16;
const SLOPE_MS_MIN = 4;
/** The slope of the last arrivals may say so many times the rounds' rate: they lag behind. */
const SLOPE_TIMES_MAX = 2.5;
const WINDOW_BEYOND = 4;
/** Rounds in which packets may leave as a train. */
const TRAIN_ROUNDS = 2;
/** Packets per millisecond of a train. */
const TRAIN_PACE = 10;
/** Share of what a train's rate fills that is sent at once; and times that rate, at most, at first. */
const JUMP_SHARE = 0.8;
const JUMP_PACE = 1.1;
const JUMP_ROUNDS = 3;

/** When the doubling of the window has found the rate, and which rate it is. */
export class StartUp {
  readonly #arrivals: { readonly sentTotal: number; readonly receivedAt: number }[] = [];
  readonly #train = new PacketTrain();
  #jumpedIn: number | undefined;
  #best = 0;
  #plateau = 0;

  take({ arrived }: Feedback): void {
    if (this.#jumpedIn === undefined) this.#train.take(arrived);
    for (const { sentTotal, receivedAt } of arrived) {
      if (receivedAt === undefined) continue;
      this.#arrivals.push({ sentTotal, receivedAt });
      if (this.#arrivals.length > SLOPE_PACKETS) this.#arrivals.shift();
    }
  }

  /**
   * The window to jump to, once: as soon as the first train has told the rate. Doubling would take
   * a round trip for each factor of two.
   */
  jump(baseMs: number, rounds: number): number | undefined {
    const { rate } = this.#train;
    if (this.#jumpedIn !== undefined || rate === undefined) return undefined;
    this.#jumpedIn = rounds;
    return JUMP_SHARE * rate * baseMs;
  }

  /** Packets per millisecond. `pace`: that of doubling. */
  pace(pace: number, rounds: number): number {
    const { rate } = this.#train;
    if (this.#jumpedIn === undefined || rate === undefined)
      return rounds < TRAIN_ROUNDS ? Math.max(pace, TRAIN_PACE) : pace;
    const isNew = rounds < this.#jumpedIn + JUMP_ROUNDS;
    return isNew ? Math.min(pace, JUMP_PACE * rate) : pace;
  }

  queueStands(standingMs: number, baseMs: number, rounds: number): boolean {
    return (
      rounds > (this.#jumpedIn ?? FIRST_ROUNDS) &&
      standingMs > Math.max(4, Math.min(16, baseMs / 8))
    );
  }

  /** The rate has ceased to grow. Rounds much shorter than a round trip give absurd rates. */
  stands(round: Round, baseMs: number): boolean {
    if (round.ms < baseMs / 2) return false;
    if (round.rate > this.#best * GROWTH) {
      this.#best = round.rate;
      this.#plateau = 0;
    } else if (!round.appLimited) this.#plateau++;
    return this.#plateau >= PLATEAU_ROUNDS;
  }

  /** The window to go on with. `rate`: packets per millisecond as the rounds say. */
  windowAfter(window: number, rate: number, baseMs: number): number {
    return Math.min(window, this.#bestRate(rate) * baseMs + WINDOW_BEYOND);
  }

  /** Over packets sent, not arrived: lost ones between two that arrived count of themselves. */
  #bestRate(rate: number): number {
    const first = this.#arrivals[0];
    const last = this.#arrivals.at(-1);
    if (first === undefined || last === undefined || this.#arrivals.length < SLOPE_PACKETS_MIN)
      return rate;
    const ms = last.receivedAt - first.receivedAt;
    if (ms <= SLOPE_MS_MIN) return rate;
    const slope = (last.sentTotal - first.sentTotal) / ms;
    const train = this.#train.rate;
    // Each of the three errs at times; the one between them hardly ever.
    if (train !== undefined) return [rate, slope, train].sort((a, b) => a - b)[1] ?? rate;
    return Math.min(Math.max(rate, slope), rate * SLOPE_TIMES_MAX);
  }
}
