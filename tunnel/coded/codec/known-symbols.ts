/** Bytes that keeping a symbol costs beside its data. */
const ENTRY_BYTES = 64;

/** The data of symbols known lately: later rows may still combine them. Bounded in bytes. */
export class KnownSymbols {
  readonly #bytesMax: number;
  readonly #data = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(number: number): Uint8Array | undefined {
    return this.#data.get(number);
  }

  keep(number: number, data: Uint8Array): void {
    this.#data.set(number, data);
    this.#bytes += data.length + ENTRY_BYTES;
    for (const [oldest, its] of this.#data) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#data.delete(oldest);
      this.#bytes -= its.length + ENTRY_BYTES;
    }
  }

  clear(): void {
    this.#data.clear();
    this.#bytes = 0;
  }
}
