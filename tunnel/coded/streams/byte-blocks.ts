import { STREAM_LIMITS } from './limits.js';
import { RangeSet } from './range-set.js';

const BLOCK = STREAM_LIMITS.blockBytes;

/** Bytes of a stream that arrive in any order and are read in order; memory as wide as its gaps. */
export class ByteBlocks {
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #ranges = new RangeSet();
  #read = 0;
  #reach = 0;

  /** Bytes that were read. */
  get offset(): number {
    return this.#read;
  }

  /** Bytes that can be read. */
  get readable(): number {
    return this.#reach - this.#read;
  }

  get memoryBytes(): number {
    return this.#blocks.size * BLOCK;
  }

  /** False: overlaps what arrived, or too many gaps. No honest sender makes them. */
  write(offset: number, data: Uint8Array): boolean {
    if (data.length === 0) return true;
    if (offset < this.#reach || !this.#ranges.add(offset, offset + data.length)) return false;
    if (this.#ranges.count > STREAM_LIMITS.gaps + 1) return false;
    for (let at = 0; at < data.length;) {
      const index = Math.floor((offset + at) / BLOCK);
      const within = (offset + at) % BLOCK;
      const part = data.subarray(at, at + BLOCK - within);
      let block = this.#blocks.get(index);
      if (block === undefined) this.#blocks.set(index, (block = new Uint8Array(BLOCK)));
      block.set(part, within);
      at += part.length;
    }
    this.#reach = this.#ranges.reach(this.#reach);
    return true;
  }

  /** The next bytes, at most to the end of a block; undefined: none are there. */
  read(): Uint8Array | undefined {
    if (this.readable === 0) return undefined;
    const index = Math.floor(this.#read / BLOCK);
    const within = this.#read % BLOCK;
    const length = Math.min(BLOCK - within, this.readable);
    const block = this.#blocks.get(index);
    if (block === undefined) return undefined;
    this.#read += length;
    const isEmpty = within + length === BLOCK || (this.readable === 0 && this.#ranges.count === 1);
    if (!isEmpty) return block.slice(within, within + length);
    this.#blocks.delete(index);
    return block.subarray(within, within + length);
  }

  clear(): void {
    this.#blocks.clear();
    this.#read = this.#reach;
  }
}
