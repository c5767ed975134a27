import { TAG_BYTES } from '../crypto/packet-keys.js';
import type { PacketSealer } from '../crypto/packet-sealer.js';
import { CODED_LIMITS } from '../limits.js';
import { ByteWriter } from '../wire/byte-writer.js';
import type { Frame } from '../wire/frame.js';
import { writeFrame } from '../wire/frame-writer.js';
import { SHORT_HEADER_BYTES } from '../wire/packet-header.js';

/** IPv4 and UDP headers. */
export const IP_UDP_BYTES = 28;

/** Bytes of frames in a datagram of so many bytes. */
export function frameRoom(datagramBytes: number): number {
  return datagramBytes - SHORT_HEADER_BYTES - TAG_BYTES;
}

/** Writes frames into one buffer used again and again, and seals them. */
export class PacketComposer {
  readonly #sealer: PacketSealer;

  constructor(sealer: PacketSealer) {
    this.#sealer = sealer;
  }

  /** `padTo`: bytes of the datagram at least. */
  datagram(
    packet: {
      readonly connectionId: Uint8Array;
      readonly number: number;
      readonly ackNow: boolean;
    },
    frames: readonly Frame[],
    padTo = 0,
  ): Uint8Array {
    const writer = new ByteWriter(SCRATCH);
    const padded = frameRoom(padTo);
    frames.forEach((frame, at) =>
      writeFrame(writer, frame, at === frames.length - 1 && padded <= 0),
    );
    while (writer.length < padded) writeFrame(writer, { kind: 'padding' });
    return this.#sealer.datagram(packet, writer.written());
  }
}

/** One for the process: it is full only between writing and sealing, in one turn. */
const SCRATCH = new Uint8Array(CODED_LIMITS.datagramBytesMax);
