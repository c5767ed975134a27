import { CODED_LIMITS } from '../limits.js';
import { KnownSymbols } from './known-symbols.js';
import { imageLength, IMAGE_PREFIX_BYTES, type SourceSymbol } from './symbol.js';
import { SymbolLog } from './symbol-log.js';
import { UndecidedRows, type DecidedRow } from './undecided-rows.js';
import type { Workbench } from './workbench.js';

/** What became of the rows and symbols that did not bring a new symbol at once. */
export interface DecoderCounts {
  /** Source symbols that were known already. */
  duplicates: number;
  /** Symbols that a row brought. */
  decoded: number;
  /** Rows that said nothing new. */
  redundant: number;
  /** Rows over symbols whose data were given up. */
  forgotten: number;
  /** Rows dropped because rows, columns or the process's memory were used up. */
  full: number;
  /** Symbols or rows beyond the window: no honest sender makes them. */
  outside: number;
  /** Rows that contradict others, or decide for a symbol that cannot be: no honest sender's. */
  inconsistent: number;
}

/** Rows and symbols that were thrown away, by reason. */
export type DroppedRows = Pick<DecoderCounts, 'forgotten' | 'full' | 'outside' | 'inconsistent'>;

/**
 * Takes source symbols and coded rows in any order and gives each symbol once, as soon as it can
 * be known. Memory: at most 128 undecided rows, and `knownBytes` of symbols that later rows need.
 */
export class SymbolDecoder {
  readonly #bench: Workbench;
  readonly #log = new SymbolLog();
  readonly #known: KnownSymbols;
  readonly #rows: UndecidedRows;
  readonly #counts: DecoderCounts = {
    duplicates: 0,
    decoded: 0,
    redundant: 0,
    forgotten: 0,
    full: 0,
    outside: 0,
    inconsistent: 0,
  };

  constructor(bench: Workbench, knownBytes: number = CODED_LIMITS.knownBytes) {
    this.#bench = bench;
    this.#known = new KnownSymbols(knownBytes);
    this.#rows = new UndecidedRows(bench);
  }

  /** The first symbol that is not known. */
  get base(): number {
    return this.#log.base;
  }

  /** Rows that wait for more: as many further rows or symbols less are needed. */
  get undecided(): number {
    return this.#rows.count;
  }

  /** Something is not known that is older than what is. */
  get incomplete(): boolean {
    return this.#rows.count > 0 || this.#log.hasHoles;
  }

  /** Bytes of symbols kept for later rows. */
  get knownBytes(): number {
    return this.#known.bytes;
  }

  get counts(): Readonly<DecoderCounts> {
    return this.#counts;
  }

  /** As a symbols frame carries it. */
  knownBitmap(): Uint8Array {
    return this.#log.bitmap();
  }

  has(number: number): boolean {
    return this.#log.has(number);
  }

  /** The symbols that are new with this one. Its data are kept, or copied out of a larger memory. */
  source(number: number, data: Uint8Array): SourceSymbol[] {
    if (data.length > CODED_LIMITS.symbolBytes || !this.#log.inWindow(number)) {
      this.#counts.outside++;
      return [];
    }
    if (this.#log.has(number)) {
      this.#counts.duplicates++;
      return [];
    }
    const isMost = 2 * data.length >= data.buffer.byteLength;
    const symbol = { number, data: isMost ? data : data.slice() };
    this.#learn(symbol);
    return [symbol, ...this.#harvest(this.#rows.settle(number, symbol.data))];
  }

  /** The symbols that are new with this row over symbols from `start` on; zero takes no part. */
  row(start: number, coefficients: Uint8Array, image: Uint8Array): SourceSymbol[] {
    const unknown: { number: number[]; coefficient: number[] } = { number: [], coefficient: [] };
    const known: { data: Uint8Array[]; coefficient: number[] } = { data: [], coefficient: [] };
    for (let index = 0; index < coefficients.length; index++) {
      const coefficient = coefficients[index] ?? 0;
      if (coefficient === 0) continue;
      const number = start + index;
      const data = this.#known.get(number);
      if (data !== undefined && imageLength(data) > image.length) return this.#drop('inconsistent');
      if (data !== undefined) {
        known.data.push(data);
        known.coefficient.push(coefficient);
      } else if (this.#log.has(number)) return this.#drop('forgotten');
      else if (!this.#log.inWindow(number)) return this.#drop('outside');
      else {
        unknown.number.push(number);
        unknown.coefficient.push(coefficient);
      }
    }
    if (!imageFits(image) || known.data.length + unknown.number.length > CODED_LIMITS.rowMembers)
      return this.#drop('outside');
    if (unknown.number.length === 0) return this.#drop('redundant');
    const row = this.#rows.open(unknown.number, unknown.coefficient);
    if (row === undefined) return this.#drop('full');
    this.#bench.pool.kernel.bytes().set(image, row.imageAt);
    this.#bench.addImages(row.imageAt, known.data, known.coefficient, image.length);
    const decided = this.#rows.add(row.at, image.length);
    if (decided === 'dependent') return this.#drop('redundant');
    if (decided === 'contradicts') return this.#drop('inconsistent');
    return this.#harvest(decided);
  }

  /** Gives up what later rows might need, when the link has been idle. */
  rest(): void {
    this.#known.clear();
  }

  /** Gives all memory back; the decoder is not to be used again. */
  close(): void {
    this.#known.clear();
    this.#rows.clear();
  }

  #harvest(decided: readonly DecidedRow[]): SourceSymbol[] {
    const symbols: SourceSymbol[] = [];
    for (const { number, data } of decided) {
      if (data === undefined) {
        this.#counts.inconsistent++;
        continue;
      }
      this.#counts.decoded++;
      this.#learn({ number, data });
      symbols.push({ number, data });
    }
    return symbols;
  }

  #learn({ number, data }: SourceSymbol): void {
    this.#log.add(number);
    this.#known.keep(number, data);
  }

  #drop(reason: keyof DecoderCounts): SourceSymbol[] {
    this.#counts[reason]++;
    return [];
  }
}

function imageFits(image: Uint8Array): boolean {
  return (
    image.length >= IMAGE_PREFIX_BYTES &&
    image.length <= IMAGE_PREFIX_BYTES + CODED_LIMITS.symbolBytes
  );
}
