import { CONGESTION } from './constants.js';

/** Spaces packets out. What a late wake-up missed is made good, up to a small burst. */
export class Pacer {
  /** When the next packet is due; in the past: credit. */
  #dueAt = -Infinity;

  /** Packets may leave from then on. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** `pace`: full packets per millisecond. */
  sent(size: number, pace: number, now: number): void {
    const { burstMs, burstPackets } = CONGESTION;
    // A burst is this packet and what the credit pays for after it.
    const credit = Math.max(burstMs, burstPackets / pace) - 1 / pace;
    this.#dueAt = Math.max(this.#dueAt, now - credit) + size / pace;
  }

  /** The pace has changed: what is due is due after this at the latest. */
  hasten(pace: number, now: number): void {
    this.#dueAt = Math.min(this.#dueAt, now + 1 / pace);
  }
}
