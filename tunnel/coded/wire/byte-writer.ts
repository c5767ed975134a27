import { EdgeError } from '#protocol/errors.js';

/** Writes numbers in network byte order into a buffer of fixed size. */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array | number) {
    this.#bytes = typeof bytes === 'number' ? new Uint8Array(bytes) : bytes;
  }

  get length(): number {
    return this.#at;
  }

  get room(): number {
    return this.#bytes.length - this.#at;
  }

  /** A view of what was written. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  u8(value: number): void {
    this.#need(1);
    this.#bytes[this.#at++] = value;
  }

  u16(value: number): void {
    this.#need(2);
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  u24(value: number): void {
    this.u8(value >>> 16);
    this.u16(value);
  }

  /** The low 32 bits. */
  u32(value: number): void {
    this.#need(4);
    this.#bytes[this.#at++] = value >>> 24;
    this.#bytes[this.#at++] = value >>> 16;
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  /** RFC 9000 section 16, the shortest form; 0 .. 2^53 - 1. */
  varint(value: number): void {
    if (value < 0x40) this.u8(value);
    else if (value < 0x4000) this.u16(value | 0x4000);
    else if (value < 0x4000_0000) this.u32(value + 0x8000_0000);
    else {
      this.u32(Math.floor(value / 0x1_0000_0000) + 0xc000_0000);
      this.u32(value % 0x1_0000_0000);
    }
  }

  bytes(bytes: Uint8Array): void {
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #need(length: number): void {
    if (length > this.room)
      throw new EdgeError('EDGE_LIMIT', `No room for ${length} more bytes in a packet.`, {
        remote: false,
        hint: 'Ask for the size of what is to be written before writing it.',
      });
  }
}

/** Bytes of the shortest form. */
export function varintBytes(value: number): number {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x4000_0000 ? 4 : 8;
}
