import type { SourceSymbol } from '../codec/symbol.js';
import { RECOVERY } from '../recovery/constants.js';
import type { SessionLimits } from './limits.js';
import { TransferGauge } from './transfer-gauge.js';

/** A symbol so long is hardly the last one of a transfer. */
const LONG_BYTES = RECOVERY.ackAfterBytes / 2;

/** What a packet of the other end showed. */
export interface Heard {
  /** Of the datagram. */
  readonly bytes: number;
  /** What became known with it, in any order. */
  readonly symbols: readonly SourceSymbol[];
  /** Something older than the newest symbol is not known. */
  readonly incomplete: boolean;
}

/**
 * When the receiver of a transfer that stopped in the middle calls. A sender that probes a dead
 * link needs a round trip to learn that it lives again; a call tells it after half of one. The
 * answer to a call, which brings nothing, ends the calls: the sender had nothing to say. Pure;
 * milliseconds.
 */
export class Calls {
  readonly #limits: SessionLimits;
  readonly #gauge = new TransferGauge();
  #isTransfer = false;
  #newest = -1;
  #newestIsLong = false;
  /** More is to come. */
  #isStalled = false;
  #hasCalled = false;
  #dueAt = Infinity;
  #endsAt = Infinity;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** Infinity: never, as things are. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** The other end is speaking without end. */
  get isTransfer(): boolean {
    return this.#isTransfer;
  }

  heard({ bytes, symbols, incomplete }: Heard, roundTripMs: number, now: number): void {
    this.#isTransfer = this.#gauge.take(bytes, now);
    for (const { number, data } of symbols)
      if (number > this.#newest) {
        this.#newest = number;
        this.#newestIsLong = data.length >= LONG_BYTES;
      }
    if (symbols.length > 0)
      this.#isStalled = this.#isTransfer && (this.#newestIsLong || incomplete);
    else if (this.#hasCalled) this.#isStalled = false;
    this.#hasCalled = false;
    const { calmMinMs, callForMs } = this.#limits;
    this.#dueAt = this.#isStalled ? now + roundTripMs + calmMinMs : Infinity;
    this.#endsAt = this.#dueAt + callForMs;
  }

  /** True: a call is due, and the next one later. */
  take(now: number): boolean {
    if (now < this.#dueAt) return false;
    this.#hasCalled = true;
    const next = now + this.#limits.callEveryMs;
    this.#dueAt = next < this.#endsAt ? next : Infinity;
    return true;
  }
}
