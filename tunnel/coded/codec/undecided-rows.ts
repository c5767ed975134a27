import { aligned } from '../galois/row-kernel.js';
import { inverse } from '../galois/tables.js';
import { imageLength, readImage } from './symbol.js';
import { COLUMNS, type Workbench } from './workbench.js';

/** A row that came down to one symbol. `data` undefined: its image makes no sense. */
export interface DecidedRow {
  readonly number: number;
  readonly data: Uint8Array | undefined;
}

interface Row {
  readonly at: number;
  /** Bytes of the image; behind them the row is zero. */
  length: number;
}

/**
 * The equations between unknown symbols, in reduced row echelon form: each row has a pivot column
 * that no other row touches. Coefficients and images lie side by side in the kernel's memory, so
 * that one call works on both. A column stands for an unknown symbol while some row has it.
 */
export class UndecidedRows {
  readonly #bench: Workbench;
  readonly #columnOf = new Map<number, number>();
  readonly #symbolOf: number[] = [];
  readonly #freeColumns = Array.from({ length: COLUMNS }, (_, column) => COLUMNS - 1 - column);
  /** By pivot column. */
  readonly #rows = new Map<number, Row>();

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  get count(): number {
    return this.#rows.size;
  }

  /** A row for these unknowns with `image` to be added to; undefined when there is no room. */
  open(unknowns: readonly number[], coefficients: ArrayLike<number>): OpenRow | undefined {
    const fresh = unknowns.filter((number) => !this.#columnOf.has(number)).length;
    if (fresh > this.#freeColumns.length) return undefined;
    const at = this.#bench.pool.take();
    if (at === undefined) return undefined;
    const memory = this.#bench.pool.kernel.bytes();
    unknowns.forEach((number, index) => {
      memory[at + this.#column(number)] = coefficients[index] ?? 0;
    });
    return { at, imageAt: at + COLUMNS };
  }

  /**
   * Adds a row from `open` whose image is `length` bytes long, and gives what is decided now.
   * `dependent`: it said nothing new; `contradicts`: it said something else than the rows before.
   */
  add(at: number, length: number): readonly DecidedRow[] | 'dependent' | 'contradicts' {
    const { kernel } = this.#bench.pool;
    const memory = kernel.bytes();
    const list = kernel.list();
    const row: Row = { at, length };
    let count = 0;
    for (const [pivot, other] of this.#rows) {
      const coefficient = memory[at + pivot] ?? 0;
      if (coefficient === 0) continue;
      list[2 * count] = other.at;
      list[2 * count + 1] = coefficient;
      count++;
      row.length = Math.max(row.length, other.length);
    }
    kernel.combine(at, count, COLUMNS + aligned(row.length));
    return this.#install(row);
  }

  /** The symbol is known now: takes it out of every row. */
  settle(number: number, data: Uint8Array): readonly DecidedRow[] {
    const column = this.#columnOf.get(number);
    if (column === undefined) return [];
    const { kernel } = this.#bench.pool;
    const memory = kernel.bytes();
    const length = imageLength(data);
    for (const row of this.#rows.values()) {
      const coefficient = memory[row.at + column] ?? 0;
      if (coefficient === 0) continue;
      this.#bench.addImages(row.at + COLUMNS, [data], [coefficient], length);
      row.length = Math.max(row.length, length);
      memory[row.at + column] = 0;
    }
    const headless = this.#rows.get(column);
    this.#release(column);
    if (headless === undefined) return this.#decided();
    const decided = this.#install(headless);
    return typeof decided === 'string' ? this.#decided() : decided;
  }

  /** Gives every row back to the pool. */
  clear(): void {
    for (const { at } of this.#rows.values()) this.#bench.pool.give(at);
    for (const column of this.#columnOf.values()) this.#freeColumns.push(column);
    this.#rows.clear();
    this.#columnOf.clear();
  }

  /** A row that no pivot of others is in gets one of its own and clears it from the others. */
  #install(row: Row): readonly DecidedRow[] | 'dependent' | 'contradicts' {
    const { kernel } = this.#bench.pool;
    const memory = kernel.bytes();
    const pivot = kernel.first(row.at, COLUMNS);
    if (pivot === COLUMNS) {
      const contradicts = kernel.weight(row.at + COLUMNS, aligned(row.length)) > 0;
      this.#bench.pool.give(row.at);
      return contradicts ? 'contradicts' : 'dependent';
    }
    const lead = memory[row.at + pivot] ?? 0;
    if (lead !== 1) kernel.scale(row.at, inverse(lead), COLUMNS + aligned(row.length));
    for (const other of this.#rows.values()) {
      const coefficient = memory[other.at + pivot] ?? 0;
      if (coefficient === 0) continue;
      kernel.axpy(other.at, row.at, coefficient, COLUMNS + aligned(row.length));
      other.length = Math.max(other.length, row.length);
    }
    this.#rows.set(pivot, row);
    return this.#decided();
  }

  #decided(): readonly DecidedRow[] {
    const { kernel } = this.#bench.pool;
    const decided: DecidedRow[] = [];
    for (const [pivot, { at, length }] of this.#rows) {
      if (kernel.weight(at, COLUMNS) !== 1) continue;
      const image = kernel.bytes().subarray(at + COLUMNS, at + COLUMNS + length);
      decided.push({ number: this.#symbolOf[pivot] ?? 0, data: readImage(image) });
      this.#bench.pool.give(at);
      this.#release(pivot);
    }
    return decided;
  }

  #column(number: number): number {
    const known = this.#columnOf.get(number);
    if (known !== undefined) return known;
    const column = this.#freeColumns.pop() ?? 0;
    this.#columnOf.set(number, column);
    this.#symbolOf[column] = number;
    return column;
  }

  #release(column: number): void {
    this.#columnOf.delete(this.#symbolOf[column] ?? -1);
    this.#rows.delete(column);
    this.#freeColumns.push(column);
  }
}

interface OpenRow {
  readonly at: number;
  readonly imageAt: number;
}
