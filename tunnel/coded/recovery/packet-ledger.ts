import type { AckFrame } from '../wire/frame.js';
import { expandNumber, PACKET_NUMBER_BITS } from '../wire/truncated-number.js';

/** Packets remembered at most: some seconds of a fast link. Older ones are given up. */
const LEDGER_PACKETS = 8_192;

export interface SentPacket {
  readonly number: number;
  readonly sentAt: number;
  readonly bytes: number;
  /** `missing`: an acknowledgement passed it over. */
  state: 'waiting' | 'missing' | 'arrived';
}

export interface AckNews {
  /** Largest packet ever acknowledged, when this acknowledgement raised it. */
  readonly raised: SentPacket | undefined;
  /** In rising order. */
  readonly arrived: readonly SentPacket[];
  /** Those of `arrived` that an earlier acknowledgement had passed over: they were overtaken. */
  readonly overtaken: readonly SentPacket[];
}

/** The packets sent on a path and what became of them. */
export class PacketLedger {
  readonly #packets = new Map<number, SentPacket>();
  #next: number;
  #largest: SentPacket | undefined;
  /** Packets below it are settled. */
  #settled: number;

  constructor(firstNumber = 0) {
    this.#next = firstNumber;
    this.#settled = firstNumber;
  }

  /** The number that the next packet gets. */
  get next(): number {
    return this.#next;
  }

  get largest(): SentPacket | undefined {
    return this.#largest;
  }

  sent(bytes: number, now: number): SentPacket {
    const packet: SentPacket = { number: this.#next++, sentAt: now, bytes, state: 'waiting' };
    this.#packets.set(packet.number, packet);
    if (this.#packets.size > LEDGER_PACKETS) this.#forget(packet.number - LEDGER_PACKETS + 1);
    return packet;
  }

  /** Undefined: it acknowledges what was never sent, so it is not honest. */
  acknowledge(ack: AckFrame): AckNews | undefined {
    const largest = expandNumber(ack.largest, PACKET_NUMBER_BITS, this.#next);
    if (largest >= this.#next) return undefined;
    const before = this.#largest;
    const arrived: SentPacket[] = [];
    const overtaken: SentPacket[] = [];
    let number = largest;
    let present = true;
    for (const run of ack.runs) {
      for (const end = number - run; number > end; number--) {
        const packet = this.#packets.get(number);
        if (packet === undefined) {
          if (number < this.#settled) break; // forgotten, like all below it
          continue;
        }
        if (!present) {
          if (packet.state === 'waiting') packet.state = 'missing';
        } else if (packet.state !== 'arrived') {
          if (packet.state === 'missing') overtaken.push(packet);
          packet.state = 'arrived';
          arrived.push(packet);
        }
      }
      present = !present;
      if (number < this.#settled && !this.#packets.has(number)) break;
    }
    const top = this.#packets.get(largest);
    const raised = top !== undefined && largest > (before?.number ?? -1) ? top : undefined;
    if (raised !== undefined) this.#largest = raised;
    return { raised, arrived: arrived.reverse(), overtaken };
  }

  /**
   * The packets whose fate is clear by now, in order, each with the one before it: those that
   * arrived, and the missing for which `isLost` is true. Stops at the first that is not clear.
   */
  *settle(
    isLost: (packet: SentPacket, largest: SentPacket) => boolean,
  ): Generator<{ packet: SentPacket; before: SentPacket | undefined }> {
    const largest = this.#largest;
    if (largest === undefined) return;
    for (; this.#settled <= largest.number; this.#settled++) {
      const packet = this.#packets.get(this.#settled);
      if (packet === undefined) continue;
      if (packet.state !== 'arrived' && !isLost(packet, largest)) return;
      yield { packet, before: this.#packets.get(this.#settled - 1) };
    }
    // What may still be acknowledged late is kept for a while: it tells of reordering.
    this.#forget(this.#settled - LEDGER_PACKETS / 4);
  }

  #forget(below: number): void {
    for (const number of this.#packets.keys()) {
      if (number >= below) return;
      this.#packets.delete(number);
      this.#settled = Math.max(this.#settled, number + 1);
    }
  }
}
