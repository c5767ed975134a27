import { CODED_LIMITS } from '../limits.js';

/** Which symbols are known: all below `base`, and some of the window that starts there. */
export class SymbolLog {
  readonly #above = new Set<number>();
  #base = 0;
  /** One above the largest known. */
  #end = 0;

  /** The first unknown symbol. */
  get base(): number {
    return this.#base;
  }

  /** Something newer than the first unknown symbol is known. */
  get hasHoles(): boolean {
    return this.#above.size > 0;
  }

  has(number: number): boolean {
    return number < this.#base || this.#above.has(number);
  }

  /** No honest sender goes further: its window starts at or below `base`. */
  inWindow(number: number): boolean {
    return number < this.#base + CODED_LIMITS.windowSymbols;
  }

  add(number: number): void {
    this.#end = Math.max(this.#end, number + 1);
    if (number === this.#base) this.#base++;
    else this.#above.add(number);
    while (this.#above.delete(this.#base)) this.#base++;
  }

  /** Bit i: `base + 1 + i` is known; without trailing zeros. */
  bitmap(): Uint8Array {
    const bitmap = new Uint8Array(Math.ceil(Math.max(0, this.#end - this.#base - 1) / 8));
    for (const number of this.#above) {
      const bit = number - this.#base - 1;
      bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
    return bitmap;
  }
}
