import { aligned } from '../galois/row-kernel.js';
import { RowPool } from '../galois/row-pool.js';
import { CODED_LIMITS } from '../limits.js';
import { IMAGE_PREFIX_BYTES, writeImage } from './symbol.js';

/** Bytes of coefficients before the image in an undecided row: one per column. */
export const COLUMNS = CODED_LIMITS.undecidedRows;
const ROW_BYTES = COLUMNS + aligned(IMAGE_PREFIX_BYTES + CODED_LIMITS.symbolBytes);

/** Images staged for one call of the kernel: it takes four in a pass. */
const STAGED = 16;

/** What all encoders and decoders of a process share: the kernel, its rows, and rows to stage in. */
export class Workbench {
  readonly pool: RowPool;
  /** A row for a result, valid until the next call of anything here. */
  readonly result: number;
  readonly #staged: readonly number[];

  constructor(pool = new RowPool(ROW_BYTES, CODED_LIMITS.kernelBytes)) {
    this.pool = pool;
    const rows = Array.from({ length: STAGED + 1 }, () => pool.take() ?? 0);
    [this.result = 0] = rows;
    this.#staged = rows.slice(1);
  }

  /** target += coefficient * image of each symbol, over `length` bytes at least. */
  addImages(
    target: number,
    symbols: readonly Uint8Array[],
    coefficients: ArrayLike<number>,
    length: number,
  ): void {
    const { kernel } = this.pool;
    const memory = kernel.bytes();
    const list = kernel.list();
    const whole = aligned(length);
    for (let from = 0; from < symbols.length; from += STAGED) {
      let count = 0;
      for (; count < STAGED && from + count < symbols.length; count++) {
        const symbol = symbols[from + count];
        const at = this.#staged[count];
        if (symbol === undefined || at === undefined) break;
        writeImage(memory, at, symbol, whole);
        list[2 * count] = at;
        list[2 * count + 1] = coefficients[from + count] ?? 0;
      }
      kernel.combine(target, count, whole);
    }
  }
}
