import type { Exchange } from '#tunnel/coded/recovery/exchange.js';
import type { Gate } from './simulated-path.js';

const PACKET_BYTES = 1_228;
/** Packets far below the newest that nobody told of: given up. */
const FORGOTTEN_AFTER = 1_000;

/**
 * Stands in for congestion control where a test needs one: a window that aims at a short queue
 * (w grows or shrinks towards w (R + T) / (R + queue) with each acknowledgement) and ignores loss.
 */
export class DelayGate implements Gate {
  readonly #onTheirWay = new Map<number, number>();
  readonly #exchange: () => Exchange;
  #inFlight = 0;
  #allowed = 10 * PACKET_BYTES;
  #heardAt = 0;

  /** `exchange`: whose packets these are; asked for when the first one leaves. */
  constructor(exchange: () => Exchange) {
    this.#exchange = exchange;
  }

  get window(): number {
    return this.#allowed - this.#inFlight;
  }

  /** Nothing was heard for so long that all is taken for lost. */
  wakeAt(): number {
    const { smoothedMs, variationMs } = this.#exchange().path.roundTrip;
    return this.#heardAt + 2 * smoothedMs + 4 * variationMs + 60;
  }

  sent(number: number, bytes: number, now: number): void {
    if (this.#onTheirWay.size === 0) this.#heardAt = now;
    this.#onTheirWay.set(number, bytes);
    this.#inFlight += bytes;
  }

  woke(now: number): void {
    this.#heardAt = now;
    this.#onTheirWay.clear();
    this.#inFlight = 0;
    this.#allowed = 4 * PACKET_BYTES;
  }

  heard({ news }: ReturnType<Exchange['receive']>, now: number): void {
    if (news === undefined) return;
    this.#heardAt = now;
    const limited = this.#inFlight >= 0.75 * this.#allowed;
    let acked = 0;
    for (const { number, bytes } of news.arrived) {
      acked += bytes;
      this.#gone(number);
    }
    for (const { number } of news.lost) this.#gone(number);
    for (const number of this.#onTheirWay.keys()) {
      if (number >= (news.raised?.number ?? 0) - FORGOTTEN_AFTER) break;
      this.#gone(number);
    }
    if (news.roundTripMs === undefined) return;
    const { minimumMs } = this.#exchange().path.roundTrip;
    const queueMs = Math.max(0, news.roundTripMs - minimumMs);
    const perSecond = (this.#allowed / PACKET_BYTES / news.roundTripMs) * 1_000;
    const targetMs = Math.min(Math.max(10 * (1_000 / perSecond) ** 0.75, 4), 40);
    const aim = (this.#allowed * (minimumMs + targetMs)) / (minimumMs + queueMs);
    const step = 0.5 * (acked / this.#allowed) * (aim - this.#allowed);
    if (step < 0 || limited) this.#allowed = Math.max(4 * PACKET_BYTES, this.#allowed + step);
  }

  #gone(number: number): void {
    this.#inFlight -= this.#onTheirWay.get(number) ?? 0;
    this.#onTheirWay.delete(number);
  }
}
