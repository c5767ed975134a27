import { SERIES_LIMITS } from './series-limits.js';
import { countRows, splitRows } from './series-text.js';
import type { SeriesRow } from './series-text.js';

/** Rows of one transaction, as they stand in the store. */
export interface PendingEntry {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Rows of the newest transactions, oldest first, until they become a block. */
export class PendingRows {
  readonly #text: (key: string) => string | undefined;
  #entries: PendingEntry[] = [];
  #rows = 0;
  #bytes = 0;

  /** `text`: what the store has under a key. */
  constructor(text: (key: string) => string | undefined) {
    this.#text = text;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): PendingEntry | undefined {
    return this.#entries[0];
  }

  /** An entry that the store has already. */
  found(key: string): PendingEntry | undefined {
    const text = this.#text(key);
    const to = Number(key.slice(key.lastIndexOf(' ') + 1));
    if (text === undefined || !Number.isSafeInteger(to)) return undefined;
    return { key, from: to - countRows(text) + 1, to, bytes: text.length };
  }

  push(entry: PendingEntry): void {
    this.#entries.push(entry);
    this.#rows += entry.to - entry.from + 1;
    this.#bytes += entry.bytes;
  }

  /** Takes the oldest entries away. */
  shift(count: number): readonly PendingEntry[] {
    const taken = this.#entries.slice(0, count);
    this.#entries = this.#entries.slice(count);
    for (const { from, to, bytes } of taken) {
      this.#rows -= to - from + 1;
      this.#bytes -= bytes;
    }
    return taken;
  }

  /**
   * How many of the oldest entries make the next block; 0: too few yet. The same entries give the
   * same answer, whatever comes behind them: a block that is written again is the same block.
   */
  due(durable: number, blockRows: number, blockBytes: number): number {
    let [rows, bytes, count] = [0, 0, 0];
    let run: number | undefined;
    let before: PendingEntry | undefined;
    for (const entry of this.#entries) {
      if (entry.to > durable) return 0;
      // A block has no gap inside.
      if (before !== undefined && entry.from !== before.to + 1) run ??= count;
      rows += entry.to - entry.from + 1;
      bytes += entry.bytes;
      count++;
      if (rows >= blockRows || bytes >= blockBytes) return run ?? count;
      before = entry;
    }
    return 0;
  }

  /** The rows of the oldest entries. */
  first(count: number): SeriesRow[] {
    return this.#entries.slice(0, count).flatMap((entry) => this.#rowsOf(entry));
  }

  /** Rows above `after` up to `upTo`, about a block of them. */
  above(after: number, upTo: number): SeriesRow[] {
    const rows: SeriesRow[] = [];
    for (const entry of this.#entries) {
      if (entry.to > upTo || rows.length >= SERIES_LIMITS.blockRows) break;
      if (entry.to > after) rows.push(...this.#rowsOf(entry).filter(({ n }) => n > after));
    }
    return rows;
  }

  #rowsOf({ key, from }: PendingEntry): SeriesRow[] {
    const text = this.#text(key);
    return text === undefined ? [] : splitRows(text, from, 0);
  }
}
