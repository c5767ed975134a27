import type { RoundTrip } from '../recovery/round-trip.js';
import { CONGESTION } from './constants.js';
import type { FlyingPacket } from './packets-in-flight.js';

const PATIENCE_MIN_MS = 3;
const PATIENCE_MAX = 4;
const PATIENCE_STEP = 0.05;
const PATIENCE_DECAY = 0.9999;

/**
 * What time alone says when nothing is heard: after a little while, that old packets no longer
 * fill the link (so a fade does not stall the clock for as long again as it lasted); after a long
 * one, that all are gone.
 */
export class Silence {
  readonly #roundTrip: RoundTrip;
  #heardAt = -Infinity;
  #timeOuts = 0;
  #patience = 1;

  constructor(roundTrip: RoundTrip) {
    this.#roundTrip = roundTrip;
  }

  /** In a row. */
  get timeOuts(): number {
    return this.#timeOuts;
  }

  /** The first packet in flight leaves: nothing can have been heard before. */
  began(now: number): void {
    this.#heardAt = Math.max(this.#heardAt, now);
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#timeOuts = 0;
    this.#patience = Math.max(1, this.#patience * PATIENCE_DECAY);
  }

  /** What was given up has arrived: more patience. */
  wasWrong(): void {
    this.#patience = Math.min(PATIENCE_MAX, this.#patience + PATIENCE_STEP);
  }

  timedOut(now: number): void {
    this.#heardAt = now;
    this.#timeOuts++;
  }

  /** When this packet no longer fills the link, if nothing is heard before. */
  leavesAt({ sentAt }: FlyingPacket): number {
    if (this.#timeOuts > 0) return Infinity;
    const { smoothedMs, variationMs } = this.#roundTrip;
    const variation = 2 * Math.min(variationMs, smoothedMs / 16);
    const window = Math.max(smoothedMs / 8, variation, PATIENCE_MIN_MS) * this.#patience;
    return Math.max(this.#heardAt + window, sentAt + smoothedMs + window);
  }

  /** The first time-out. */
  get timeOutMs(): number {
    const { smoothedMs, variationMs, ackDelayMs } = this.#roundTrip;
    return Math.max(
      CONGESTION.timeOutMinMs,
      1.5 * smoothedMs + 4 * variationMs + 30,
      smoothedMs + 2 * ackDelayMs,
    );
  }

  /** When all in flight is given up. */
  get timesOutAt(): number {
    const { timeOutMaxMs } = CONGESTION;
    const base = this.timeOutMs;
    const backedOff = base * 2 ** Math.min(3, this.#timeOuts);
    return this.#heardAt + Math.min(backedOff, Math.max(base, timeOutMaxMs));
  }
}
