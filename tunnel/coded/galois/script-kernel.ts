import { LIST_PAIRS, MEMORY, type RowKernel } from './row-kernel.js';
import { multiply } from './tables.js';

/** Products of each coefficient with each byte, made when the first script kernel is. */
let products: Uint8Array | undefined;

/** The same operations in plain JavaScript, four bytes at a time: for engines without SIMD. */
export function scriptKernel(): RowKernel {
  products ??= Uint8Array.from({ length: 65_536 }, (_, index) => multiply(index >> 8, index & 255));
  return new ScriptKernel(products);
}

class ScriptKernel implements RowKernel {
  readonly name = 'script';
  readonly #products: Uint8Array;
  #bytes = new Uint8Array(MEMORY.pageBytes);
  #words = new Uint32Array(this.#bytes.buffer);
  #list = new Uint32Array(this.#bytes.buffer, MEMORY.listAt, LIST_PAIRS * 2);

  constructor(table: Uint8Array) {
    this.#products = table;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  list(): Uint32Array {
    return this.#list;
  }

  grow(bytes: number): boolean {
    if (bytes <= this.#bytes.length) return true;
    const former = this.#bytes;
    const pages = Math.ceil(bytes / MEMORY.pageBytes);
    this.#bytes = new Uint8Array(pages * MEMORY.pageBytes);
    this.#bytes.set(former);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#list = new Uint32Array(this.#bytes.buffer, MEMORY.listAt, LIST_PAIRS * 2);
    return true;
  }

  axpy(target: number, source: number, coefficient: number, length: number): void {
    const words = this.#words;
    const table = this.#products.subarray(coefficient << 8, (coefficient << 8) + 256);
    const end = (source + length) >> 2;
    for (let from = source >> 2, to = target >> 2; from < end; from++, to++)
      words[to] = (words[to] ?? 0) ^ product(table, words[from] ?? 0);
  }

  scale(target: number, coefficient: number, length: number): void {
    const words = this.#words;
    const table = this.#products.subarray(coefficient << 8, (coefficient << 8) + 256);
    const end = (target + length) >> 2;
    for (let at = target >> 2; at < end; at++) words[at] = product(table, words[at] ?? 0);
  }

  combine(target: number, count: number, length: number): void {
    for (let pair = 0; pair < count; pair++)
      this.axpy(target, this.#list[2 * pair] ?? 0, this.#list[2 * pair + 1] ?? 0, length);
  }

  weight(at: number, length: number): number {
    let count = 0;
    for (let index = at; index < at + length; index++) if (this.#bytes[index] !== 0) count++;
    return count;
  }

  first(at: number, length: number): number {
    for (let index = 0; index < length; index++) if (this.#bytes[at + index] !== 0) return index;
    return length;
  }
}

/** Each of the four bytes of `word` times the coefficient whose row of products `table` is. */
function product(table: Uint8Array, word: number): number {
  return (
    (table[word & 255] ?? 0) |
    ((table[(word >>> 8) & 255] ?? 0) << 8) |
    ((table[(word >>> 16) & 255] ?? 0) << 16) |
    ((table[word >>> 24] ?? 0) << 24)
  );
}
