import { seededRandom, type Random } from '#protocol/random.js';

/** One direction of a bad link. Times in milliseconds, sizes in bytes of IP packets. */
export interface LinkOptions {
  readonly delayMs: number;
  /** Mean of an exponential delay more; packets keep their order unless `reorders`. */
  readonly jitterMs?: number;
  readonly reorders?: boolean;
  /** Share lost, each packet for itself. */
  readonly loss?: number;
  /** Mean lengths of exponential good and bad times; `lossInBad` is lost in the bad ones. */
  readonly fades?: { readonly goodMs: number; readonly badMs: number; readonly lossInBad?: number };
  /** The link is without loss for so long, then with, and so on. */
  readonly alternatesMs?: number;
  /** From then on nothing is lost, but by a full queue. */
  readonly calmFromMs?: number;
  /** Bytes per millisecond through a drop-tail queue of so many bytes; absent: no bottleneck. */
  readonly rate?: number;
  readonly queueBytes?: number;
  /** Nothing passes between these times. */
  readonly blackout?: { readonly fromMs: number; readonly untilMs: number };
}

export interface Link {
  /** Time of arrival; undefined: lost. */
  send(bytes: number, now: number): number | undefined;
}

/** Says when a packet arrives, deterministic by its seed. */
export class SimulatedLink implements Link {
  readonly #options: LinkOptions;
  readonly #random: Random;
  #lastArrival = 0;
  #busyUntil = 0;
  #bad = false;
  #turnsAt = 0;

  constructor(options: LinkOptions, seed: number) {
    this.#options = options;
    this.#random = seededRandom(seed);
    const { fades } = options;
    if (fades === undefined) return;
    this.#bad = this.#random.unit() < fades.badMs / (fades.goodMs + fades.badMs);
    this.#turnsAt = this.#exponential(this.#bad ? fades.badMs : fades.goodMs);
  }

  /** Milliseconds that a packet sent now would wait behind others. */
  queueMs(now: number): number {
    return Math.max(0, this.#busyUntil - now);
  }

  send(bytes: number, now: number): number | undefined {
    const { delayMs, jitterMs = 0, reorders = false } = this.#options;
    const lost = this.#isLost(now);
    const departs = this.#departure(bytes, now);
    if (lost || departs === undefined) return undefined;
    const arrives = departs + delayMs + (jitterMs > 0 ? this.#exponential(jitterMs) : 0);
    if (reorders) return arrives;
    this.#lastArrival = Math.max(this.#lastArrival, arrives);
    return this.#lastArrival;
  }

  #departure(bytes: number, now: number): number | undefined {
    const { rate, queueBytes = Infinity } = this.#options;
    if (rate === undefined) return now;
    this.#busyUntil = Math.max(this.#busyUntil, now);
    if ((this.#busyUntil - now) * rate + bytes > queueBytes) return undefined;
    this.#busyUntil += bytes / rate;
    return this.#busyUntil;
  }

  #isLost(now: number): boolean {
    const { loss = 0, fades, alternatesMs, blackout, calmFromMs = Infinity } = this.#options;
    if (now >= calmFromMs) return false;
    if (blackout !== undefined && now >= blackout.fromMs && now < blackout.untilMs) return true;
    if (alternatesMs !== undefined && Math.floor(now / alternatesMs) % 2 === 0) return false;
    if (fades !== undefined) {
      for (; this.#turnsAt <= now; this.#bad = !this.#bad)
        this.#turnsAt += this.#exponential(this.#bad ? fades.goodMs : fades.badMs);
      if (this.#bad && this.#random.unit() < (fades.lossInBad ?? 1)) return true;
    }
    return loss > 0 && this.#random.unit() < loss;
  }

  #exponential(mean: number): number {
    return -mean * Math.log(1 - this.#random.unit());
  }
}
