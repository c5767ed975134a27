import { STREAM_LIMITS } from './limits.js';
import { RangeSet } from './range-set.js';

const BLOCK = STREAM_LIMITS.blockBytes;

/** Bytes of a stream that arrive in any order and are read in order; memory as wide as its gaps. */
export class ByteBlocks {
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #ranges = new RangeSet();
  /** All that can be read, when it came in order and nothing beyond it did. */
  #piece: Uint8Array | undefined;
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
    return this.#blocks.size * BLOCK + (this.#piece?.length ?? 0);
  }

  /** False: overlaps what arrived, or too many gaps. No honest sender makes them. */
  write(offset: number, data: Uint8Array): boolean {
    if (data.length === 0) return true;
    if (offset < this.#reach || !this.#ranges.add(offset, offset + data.length)) return false;
    if (this.#ranges.count > STREAM_LIMITS.gaps + 1) return false;
    if (offset === this.#read && this.#blocks.size === 0) this.#piece = data.slice();
    else {
      this.#spill();
      this.#store(offset, data);
    }
    this.#reach = this.#ranges.reach(this.#reach);
    return true;
  }

  #store(offset: number, data: Uint8Array): void {
    for (let at = 0; at < data.length;) {
      const index = Math.floor((offset + at) / BLOCK);
      const within = (offset + at) % BLOCK;
      const part = data.subarray(at, at + BLOCK - within);
      let block = this.#blocks.get(index);
      if (block === undefined) this.#blocks.set(index, (block = new Uint8Array(BLOCK)));
      block.set(part, within);
      at += part.length;
    }
  }

  /** More has come before it was read. */
  #spill(): void {
    const piece = this.#piece;
    this.#piece = undefined;
    if (piece !== undefined) this.#store(this.#read, piece);
  }

  /** The next bytes, at most to the end of a block; undefined: none are there. */
  read(): Uint8Array | undefined {
    if (this.readable === 0) return undefined;
    const index = Math.floor(this.#read / BLOCK);
    const within = this.#read % BLOCK;
    const length = Math.min(BLOCK - within, this.readable);
    if (this.#piece !== undefined) return this.#readPiece(this.#piece, length);
    const block = this.#blocks.get(index);
    if (block === undefined) return undefined;
    this.#read += length;
    const isEmpty = within + length === BLOCK || (this.readable === 0 && this.#ranges.count === 1);
    if (isEmpty) this.#blocks.delete(index);
    // Whoever keeps a small part must not keep all of its block.
    const isMost = isEmpty && 2 * length >= BLOCK;
    return isMost ? block.subarray(within, within + length) : block.slice(within, within + length);
  }

  #readPiece(piece: Uint8Array, length: number): Uint8Array {
    this.#read += length;
    this.#piece = length < piece.length ? piece.subarray(length) : undefined;
    return piece.subarray(0, length);
  }

  clear(): void {
    this.#blocks.clear();
    this.#piece = undefined;
    this.#read = this.#reach;
  }
}
