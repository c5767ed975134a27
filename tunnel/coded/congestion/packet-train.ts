import type { ArrivedPacket } from './feedback.js';

/** Packets that left within so many milliseconds of each other are one train. */
const GAP_MS = 1;
/** What a train must span for its rate to be believed, in full packets. */
const SPAN_PACKETS = 6;
/** Clocks and event loops tell no shorter times apart: a train never seems faster than that. */
const MS_MIN = 3;

/**
 * The rate of the bottleneck out of one train: what left at once arrives as far apart as the
 * slowest link lets it. Over packets sent, so that lost ones between two that arrived count.
 */
export class PacketTrain {
  #first: ArrivedPacket | undefined;
  #last: ArrivedPacket | undefined;
  #rate: number | undefined;

  /** Full packets per millisecond; undefined: no train was long enough yet. */
  get rate(): number | undefined {
    return this.#rate;
  }

  take(arrived: readonly ArrivedPacket[]): void {
    for (const packet of arrived) if (packet.receivedAt !== undefined) this.#add(packet);
  }

  #add(packet: ArrivedPacket): void {
    const [first, last] = [this.#first, this.#last];
    this.#last = packet;
    const goesOn =
      first !== undefined && last !== undefined && packet.sentAt - last.sentAt <= GAP_MS;
    if (!goesOn) {
      this.#first = packet;
      return;
    }
    const span = packet.sentTotal - first.sentTotal;
    const ms = (packet.receivedAt ?? 0) - (first.receivedAt ?? 0);
    if (span >= SPAN_PACKETS) this.#rate = span / Math.max(ms, MS_MIN);
  }
}
