import { CODED_LIMITS } from '../limits.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { PACKET_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';
import { SHORT_HEADER_BYTES, writeHeader } from '../wire/packet-header.js';
import { nextKeys, TAG_BYTES, type PacketKeys } from './packet-keys.js';
import { seal } from './seal.js';

/** Seals the data packets of one direction, and moves to the next keys in time. */
export class PacketSealer {
  readonly #packetsPerKey: number;
  #keys: PacketKeys;
  #phase: 0 | 1 = 0;
  #sealed = 0;

  constructor(keys: PacketKeys, packetsPerKey: number = CODED_LIMITS.packetsPerKey) {
    this.#keys = keys;
    this.#packetsPerKey = packetsPerKey;
  }

  get phase(): 0 | 1 {
    return this.#phase;
  }

  /** The keys have sealed as many packets as they may: `update` as soon as the peer follows. */
  get isWorn(): boolean {
    return this.#sealed >= this.#packetsPerKey;
  }

  /** Moves to the next keys: when worn, or because the peer did. */
  update(): void {
    this.#keys = nextKeys(this.#keys);
    this.#phase = this.#phase === 0 ? 1 : 0;
    this.#sealed = 0;
  }

  /** The datagram of a payload. `number`: rising, never twice. */
  datagram(
    packet: {
      readonly connectionId: Uint8Array;
      readonly number: number;
      readonly ackNow: boolean;
    },
    payload: Uint8Array,
  ): Uint8Array {
    const datagram = new Uint8Array(SHORT_HEADER_BYTES + payload.length + TAG_BYTES);
    const writer = new ByteWriter(datagram);
    writeHeader(writer, {
      kind: 'short',
      keyPhase: this.#phase,
      ackNow: packet.ackNow,
      connectionId: packet.connectionId,
      packetNumber: truncateNumber(packet.number, PACKET_NUMBER_BITS),
    });
    const sealed = datagram.subarray(SHORT_HEADER_BYTES);
    seal(this.#keys, packet.number, writer.written(), payload, sealed);
    this.#sealed++;
    return datagram;
  }
}
