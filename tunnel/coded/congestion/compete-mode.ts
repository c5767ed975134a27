import { CONGESTION } from './constants.js';

const RATE_CYCLE = 8;
/** Where the cycle begins: with rounds at the rate itself. */
const RATE_CYCLE_START = 2;
const RATE_WINDOW_BEYOND = 3;
/** Only loss at an empty queue is made good: making good all of it ran away (70 % lost). */
const COMPENSATED_MAX = 0.5;

/** What a round said. Milliseconds and packets per millisecond. */
export interface CompeteRound {
  readonly now: number;
  readonly congestion: boolean;
  readonly persistentLoss: number;
  readonly randomLoss: number;
  readonly queueLargestMs: number;
  readonly queueMs: number;
  readonly baseMs: number;
  readonly rawRate: number;
}

/**
 * Beside a flow that fills the queue: as cubic does against one that yields to loss ('window'),
 * at the delivered rate against one that does not ('rate', as BBR).
 */
export class CompeteMode {
  #style: 'window' | 'rate' = 'window';
  #starting = true;
  /** Of a start of growth: the rate before the competition, packets per millisecond, and its overflows. */
  #rateBefore = 0;
  #events = 0;
  #largest = 0;
  #reno = 0;
  #epoch = 0;
  #decreasedAt = -Infinity;
  #cycle = RATE_CYCLE_START;
  #rate = 0;

  get style(): 'window' | 'rate' {
    return this.#style;
  }

  /** `again`: a competition has just ended, so there is no start of growth. */
  enter(window: number, rate: number, again: boolean, now: number): void {
    this.#style = 'window';
    this.#starting = !again;
    this.#rateBefore = rate;
    this.#events = 0;
    this.#restart(window, now);
  }

  enterAtRate(rawRate: number): void {
    this.#style = 'rate';
    this.#cycle = RATE_CYCLE_START;
    this.#starting = false;
    this.#rate = rawRate;
  }

  /** Time stood still: a drain of so many milliseconds, or a silence. */
  postpone(ms: number): void {
    this.#epoch += ms;
  }

  resume(window: number, now: number): void {
    this.#restart(window, now);
  }

  /** Packets per millisecond; undefined: by the window. */
  pace(queueLargestMs: number, baseMs: number): number | undefined {
    if (this.#style === 'window' || this.#rate === 0) return undefined;
    const shallow = queueLargestMs < 0.35 * baseMs;
    const gain = shallow ? CONGESTION.rateGainShallow : CONGESTION.rateGain;
    return this.#rate * (this.#cycle === 0 ? gain : this.#cycle === 1 ? 1 / gain : 1);
  }

  onSettled(window: number, delivered: number, used: boolean, now: number): number {
    if (this.#style === 'rate') return window;
    const { cubicC, cubicBeta, tcpPackets } = CONGESTION;
    const growth = cubicC * tcpPackets;
    const seconds = (now - this.#epoch) / 1_000;
    const inflection = Math.cbrt((this.#largest * (1 - cubicBeta)) / growth);
    const cubic = growth * (seconds - inflection) ** 3 + this.#largest;
    this.#reno += (tcpPackets * 3 * (1 - cubicBeta) * delivered) / (1 + cubicBeta) / window;
    if (!used) return window;
    if (this.#starting) {
      const grown = window + CONGESTION.competeStartGain * delivered;
      this.#restart(grown, now);
      return grown;
    }
    const aim = Math.max(cubic, this.#reno);
    return aim > window ? Math.min(aim, window + delivered / 2) : window;
  }

  /** The window after a round, and whether it answered a congestion event. */
  onRound(window: number, round: CompeteRound): { readonly window: number; readonly cut: boolean } {
    let now = window;
    const { persistentLoss, queueLargestMs, queueMs, baseMs } = round;
    const random = Math.min(round.randomLoss, 0.3);
    const { rateAboveLoss, windowBelowLoss } = CONGESTION;
    if (this.#style === 'window') {
      const isDead = persistentLoss > rateAboveLoss + 1.5 * random; // no cubic lives with it
      if (isDead && queueLargestMs < 1.5 * baseMs) this.enterAtRate(round.rawRate);
    } else if (persistentLoss < windowBelowLoss + 1.2 * random || queueLargestMs > 2 * baseMs) {
      this.#style = 'window';
      this.#starting = false;
      now = Math.min(now, this.#rate * (baseMs + queueMs));
      this.#restart(now, round.now);
    }
    if (this.#style === 'rate') {
      this.#cycle = (this.#cycle + 1) % RATE_CYCLE;
      this.#rate = round.rawRate / (1 - Math.min(round.randomLoss, COMPENSATED_MAX));
      return {
        window: CONGESTION.rateWindow * this.#rate * baseMs + RATE_WINDOW_BEYOND,
        cut: false,
      };
    }
    if (!round.congestion || round.now - this.#decreasedAt <= CONGESTION.decreaseEveryMs)
      return { window: now, cut: false };
    // The first overflow is the rival's own where it was first, and has not taken what we had.
    const isLate = now / (baseMs + queueMs) > this.#rateBefore;
    if (++this.#events > (isLate ? 1 : 0)) this.#starting = false;
    this.#largest = now;
    now *= CONGESTION.cubicBeta;
    this.#reno = now;
    this.#epoch = round.now;
    this.#decreasedAt = round.now;
    return { window: now, cut: true };
  }

  #restart(window: number, now: number): void {
    this.#largest = window;
    this.#reno = window;
    this.#epoch = now;
  }
}
