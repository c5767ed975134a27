import { aligned, MEMORY, type RowKernel } from './row-kernel.js';
import { scriptKernel } from './script-kernel.js';
import { simdKernel } from './simd-kernel.js';

/**
 * Rows of one length in the memory of one kernel, shared by all connections of a process: an engine
 * reserves gigabytes of address space for each WebAssembly memory, so there is one. Memory is taken
 * when rows are, up to a limit, and is used again, never given back.
 */
export class RowPool {
  readonly kernel: RowKernel;
  readonly rowBytes: number;
  readonly #bytesMax: number;
  readonly #free: number[] = [];
  #end: number = MEMORY.rowsAt;
  #taken = 0;

  constructor(
    rowBytes: number,
    bytesMax: number,
    kernel: RowKernel = simdKernel() ?? scriptKernel(),
  ) {
    this.kernel = kernel;
    this.rowBytes = aligned(rowBytes);
    this.#bytesMax = bytesMax;
  }

  /** Rows in use. */
  get taken(): number {
    return this.#taken;
  }

  /** Address of a row full of zeros; undefined when the limit is reached. */
  take(): number | undefined {
    const row = this.#free.pop() ?? this.#extend();
    if (row === undefined) return undefined;
    this.#taken++;
    this.kernel.bytes().fill(0, row, row + this.rowBytes);
    return row;
  }

  give(row: number): void {
    this.#taken--;
    this.#free.push(row);
  }

  #extend(): number | undefined {
    const row = this.#end;
    const end = row + this.rowBytes;
    if (end - MEMORY.rowsAt > this.#bytesMax || !this.kernel.grow(end)) return undefined;
    this.#end = end;
    return row;
  }
}
