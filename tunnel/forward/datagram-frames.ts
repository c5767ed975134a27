import { FORWARD_LIMITS } from './limits.js';

/** A datagram in a stream: its length in two bytes, its bytes. */
export function frameDatagram(datagram: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(2 + datagram.length);
  frame.writeUInt16BE(datagram.length);
  frame.set(datagram, 2);
  return frame;
}

/** Finds the datagrams in pieces of a stream. Holds less than one of them. */
export class DatagramReader {
  #bytes = Buffer.alloc(0);

  /** 'malformed': longer than a datagram can be. */
  take(data: Uint8Array): Uint8Array[] | 'malformed' {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    const datagrams: Uint8Array[] = [];
    while (this.#bytes.length >= 2) {
      const length = this.#bytes.readUInt16BE();
      if (length > FORWARD_LIMITS.datagramBytes) return 'malformed';
      if (this.#bytes.length < 2 + length) break;
      datagrams.push(this.#bytes.subarray(2, 2 + length));
      this.#bytes = this.#bytes.subarray(2 + length);
    }
    return datagrams;
  }
}
