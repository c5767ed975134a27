import type { AckFrame } from '../wire/frame.js';
import { expandNumber, PACKET_NUMBER_BITS } from '../wire/truncated-number.js';

/** Packets remembered at most: some seconds of a fast link. Older ones are given up. */
const LEDGER_PACKETS = 8_192;
/** So many forgotten ones are cut off at once: moving the rest up has its price. */
const CUT_PACKETS = 256;

export interface SentPacket {
  readonly number: number;
  readonly sentAt: number;
  readonly bytes: number;
  /** `missing`: an acknowledgement passed it over. */
  state: 'waiting' | 'missing' | 'arrived';
}

interface Entry extends SentPacket {
  /** This packet and all from it down to this number, which is left out, are known to have arrived. */
  arrivedDownTo: number;
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
  /** From number `#first` on; those below `#oldest` are forgotten. */
  #packets: Entry[] = [];
  #first: number;
  #oldest: number;
  #next: number;
  #largest: SentPacket | undefined;
  /** Packets below it are settled. */
  #settled: number;

  constructor(firstNumber = 0) {
    this.#first = firstNumber;
    this.#oldest = firstNumber;
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
    const number = this.#next++;
    const packet: Entry = { number, sentAt: now, bytes, state: 'waiting', arrivedDownTo: number };
    this.#packets.push(packet);
    this.#forget(this.#next - LEDGER_PACKETS);
    return packet;
  }

  /** Undefined: it acknowledges what was never sent, so it is not honest. */
  acknowledge(ack: AckFrame): AckNews | undefined {
    const largest = expandNumber(ack.largest, PACKET_NUMBER_BITS, this.#next);
    if (largest >= this.#next) return undefined;
    const arrived: SentPacket[] = [];
    const overtaken: SentPacket[] = [];
    let number = largest;
    let present = true;
    for (const run of ack.runs) {
      const end = Math.max(number - run, this.#oldest - 1);
      if (present) this.#arrive(number, end, arrived, overtaken);
      else for (; number > end; number--) this.#miss(number);
      number = end;
      present = !present;
      if (number < this.#oldest) break; // forgotten, like all below it
    }
    const top = this.#at(largest);
    const raised = top !== undefined && largest > (this.#largest?.number ?? -1) ? top : undefined;
    if (raised !== undefined) this.#largest = raised;
    return { raised, arrived: arrived.reverse(), overtaken };
  }

  /**
   * Tells `clear` the packets whose fate is clear by now, in order, each with the one before it:
   * those that arrived, and the missing for which `isLost` is true. Stops at the first other one.
   */
  settle(
    isLost: (packet: SentPacket, largest: SentPacket) => boolean,
    clear: (packet: SentPacket, before: SentPacket | undefined) => void,
  ): void {
    const largest = this.#largest;
    if (largest === undefined) return;
    for (; this.#settled <= largest.number; this.#settled++) {
      const packet = this.#at(this.#settled);
      if (packet === undefined) continue;
      if (packet.state !== 'arrived' && !isLost(packet, largest)) return;
      clear(packet, this.#at(this.#settled - 1));
    }
    // What may still be acknowledged late is kept for a while: it tells of reordering.
    this.#forget(this.#settled - LEDGER_PACKETS / 4);
  }

  /** All from `top` down to `end`, which is left out; what was told before is passed over at once. */
  #arrive(top: number, end: number, arrived: SentPacket[], overtaken: SentPacket[]): void {
    let number = top;
    while (number > end) {
      const packet = this.#at(number);
      if (packet === undefined) return;
      if (packet.state !== 'arrived') {
        if (packet.state === 'missing') overtaken.push(packet);
        packet.state = 'arrived';
        packet.arrivedDownTo = number - 1;
        arrived.push(packet);
      }
      number = packet.arrivedDownTo;
    }
    const first = this.#at(top);
    if (first !== undefined) first.arrivedDownTo = Math.min(number, first.arrivedDownTo);
  }

  #miss(number: number): void {
    const packet = this.#at(number);
    if (packet?.state === 'waiting') packet.state = 'missing';
  }

  #at(number: number): Entry | undefined {
    return number < this.#oldest ? undefined : this.#packets[number - this.#first];
  }

  #forget(below: number): void {
    if (below <= this.#oldest) return;
    this.#oldest = below;
    this.#settled = Math.max(this.#settled, below);
    if (below - this.#first < CUT_PACKETS) return;
    this.#packets = this.#packets.slice(below - this.#first);
    this.#first = below;
  }
}
