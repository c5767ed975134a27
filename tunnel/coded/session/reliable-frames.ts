import type { PathNews } from '../recovery/path.js';
import type { Frame } from '../wire/frame.js';
import { frameLength } from '../wire/frame-writer.js';
import { SESSION_LIMITS } from './limits.js';

interface Waiting {
  readonly frame: Frame;
  readonly packets: number[];
  sent: number;
  dueAt: number;
}

/** The few frames of a session that must arrive: sent anew until a packet with them did. */
export class ReliableFrames {
  #waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** One too many replaces the oldest. */
  add(frame: Frame, now: number): void {
    if (this.#waiting.length >= SESSION_LIMITS.reliableFrames) this.#waiting.shift();
    this.#waiting.push({ frame, packets: [], sent: 0, dueAt: now });
  }

  /** All of them at once: what was sent seems not to have been heard. */
  hurry(now: number): void {
    for (const one of this.#waiting) one.dueAt = Math.min(one.dueAt, now);
  }

  /** The frames that are due, within `room` bytes, for a packet of this number. */
  take(packet: number, room: number, roundTripMs: number, now: number): Frame[] {
    const frames: Frame[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      if (one.dueAt > now || bytes + frameLength(one.frame) > room) continue;
      bytes += frameLength(one.frame);
      frames.push(one.frame);
      if (one.packets.length >= SESSION_LIMITS.reliableFrames) one.packets.shift();
      one.packets.push(packet);
      // The first ones prove a session to its client: repeated soon, like the handshake before.
      const soon = 20 * 2 ** Math.min(one.sent, 10);
      one.dueAt = now + (one.sent < 3 ? soon : Math.max(soon, 1.5 * roundTripMs));
      one.sent++;
    }
    return frames;
  }

  acknowledged({ arrived }: PathNews): void {
    if (this.#waiting.length === 0) return;
    const numbers = new Set(arrived.map(({ number }) => number));
    this.#waiting = this.#waiting.filter(({ packets }) => !packets.some((n) => numbers.has(n)));
  }

  wakeAt(): number {
    return this.#waiting.reduce((at, { dueAt }) => Math.min(at, dueAt), Infinity);
  }
}
