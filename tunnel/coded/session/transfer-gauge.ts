/** So many bytes, less so many a millisecond, make a transfer: messages alone never do. */
const BYTES = 32 * 1024;
const LEAK = 10;

/** Tells a transfer from messages, by the bytes that came of late. */
export class TransferGauge {
  #bytes = 0;
  #at = 0;

  /** True while there is one. */
  take(bytes: number, now: number): boolean {
    const leaked = this.#bytes - LEAK * (now - this.#at);
    this.#bytes = Math.min(Math.max(0, leaked) + bytes, 2 * BYTES);
    this.#at = now;
    return this.#bytes >= BYTES;
  }
}
