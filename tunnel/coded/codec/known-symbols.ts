/** Bytes that keeping a symbol costs beside its data. */
const ENTRY_BYTES = 64;
const GONE_MAX = 256;

/** The data of symbols known lately: later rows may still combine them. Bounded in bytes. */
export class KnownSymbols {
  readonly #bytesMax: number;
  readonly #data = new Map<number, Uint8Array>();
  /** Their numbers, the oldest first: a map passes over all that was deleted to find its first. */
  #order: number[] = [];
  /** So many of `#order` are gone. */
  #gone = 0;
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

  /** Each number once. */
  keep(number: number, data: Uint8Array): void {
    this.#data.set(number, data);
    this.#order.push(number);
    this.#bytes += data.length + ENTRY_BYTES;
    while (this.#bytes > this.#bytesMax && this.#gone < this.#order.length) this.#dropOldest();
    if (this.#gone < GONE_MAX) return;
    this.#order = this.#order.slice(this.#gone);
    this.#gone = 0;
  }

  clear(): void {
    this.#data.clear();
    this.#order = [];
    this.#gone = 0;
    this.#bytes = 0;
  }

  #dropOldest(): void {
    const oldest = this.#order[this.#gone++] ?? -1;
    this.#bytes -= (this.#data.get(oldest)?.length ?? 0) + ENTRY_BYTES;
    this.#data.delete(oldest);
  }
}
