/** Reads numbers in network byte order. Past the end it gives zeros and says `failed`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** True once anything was read past the end; then no value read since can be trusted. */
  get failed(): boolean {
    return this.#failed;
  }

  get at(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) {
      this.#failed = true;
      return 0;
    }
    this.#at++;
    return value;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  u24(): number {
    return this.u16() * 0x100 + this.u8();
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** RFC 9000 section 16; beyond 2^53 - 1 it fails. */
  varint(): number {
    const first = this.u8();
    let value = first & 0x3f;
    for (let more = (1 << (first >> 6)) - 1; more > 0; more--) value = value * 0x100 + this.u8();
    if (value > Number.MAX_SAFE_INTEGER) this.#failed = true;
    return this.#failed ? 0 : value;
  }

  /** A view of the next bytes, empty when there are not so many. */
  take(length: number): Uint8Array {
    if (length > this.remaining) {
      this.#failed = true;
      return this.#bytes.subarray(0, 0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** Passes over bytes of this value. */
  skip(value: number): void {
    while (this.#bytes[this.#at] === value) this.#at++;
  }
}
