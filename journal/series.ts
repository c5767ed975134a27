import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { RetryDelay } from './retry-delay.js';
import { SeriesBlocks } from './series-blocks.js';
import type { SeriesRow } from './series-text.js';
import { joinRows } from './series-text.js';
import { SERIES_LIMITS } from './series-limits.js';
import { PendingRows } from './series-pending.js';
import type { PendingEntry } from './series-pending.js';
import type { Storage } from './storage-port.js';
import type { NumberRange, SeriesPut, SeriesState, SeriesTables } from './series-tables.js';
import type { StorageFailure, Store } from './store.js';

export interface SeriesOptions {
  /** No spaces; one series of a store has it. */
  readonly name: string;
  readonly store: Pick<Store<SeriesTables>, 'rows' | 'commit'>;
  /** A folder of its own for the blocks. */
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  /** The highest number given, when the rows are numbered elsewhere, durable in the same store. */
  readonly last?: number;
  /** Keys of the rows of this series in the store, if they are known; otherwise all are looked at. */
  readonly keys?: readonly string[];
  /** Bytes of all blocks on the disk. */
  readonly maxBytes: number;
  /** Milliseconds after which a block goes, by its latest row's time; never unless given. */
  readonly maxAgeMs?: number;
  /** What gives way when `maxBytes` are full; default: the oldest rows. */
  readonly keep?: 'newest' | 'oldest';
  readonly blockRows?: number;
  readonly blockBytes?: number;
}

/** Rows about to be committed: put `puts` in a transaction, then tell `added`. */
export interface SeriesDraft {
  readonly puts: readonly SeriesPut[];
  readonly to: number;
  readonly entry?: PendingEntry;
  readonly state: SeriesState;
}

/** Kept rows without any kept row between them. */
export interface Stretch {
  readonly rows: readonly SeriesRow[];
  readonly to: number;
}

export interface SeriesStats {
  /** Rows kept, and the bytes of their blocks on the disk. */
  readonly rows: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly last: number;
  readonly consumed: number;
  readonly lost: number;
  readonly damagedBlocks: number;
  /** Set while blocks cannot be written: rows wait in the store. */
  readonly alarm?: StorageFailure;
}

const NO_STATE: SeriesState = { first: 1, consumed: 0, lost: 0 };

/**
 * A bounded row of numbered texts. The newest are rows of the store, so they are durable with the
 * transaction that brings them; older ones are immutable compressed blocks, a file each. A number
 * that is in neither is a gap: it was given up and counted. Knows nothing of what a row means.
 */
export class Series {
  readonly #options: SeriesOptions;
  readonly #log: Log;
  readonly #blocks: SeriesBlocks;
  readonly #pending: PendingRows;
  readonly #retryDelay = new RetryDelay();
  readonly #listeners = new Set<() => void>();
  #state: SeriesState;
  #last: number;
  #durable: number;
  #sealing = false;
  #alarm: EdgeError | undefined;
  #retry: Timer | undefined;
  #recovery: Timer | undefined;
  #ageCheck: Timer | undefined;
  #closed = false;

  private constructor(options: SeriesOptions, state: SeriesState, blocks: SeriesBlocks) {
    const { store, name, log } = options;
    this.#options = options;
    this.#log = log.child('series', { series: name });
    this.#state = state;
    this.#blocks = blocks;
    this.#pending = new PendingRows((key) => store.rows('series').get(key));
    this.#last = options.last ?? Math.max(state.last ?? 0, state.first - 1);
    this.#durable = 0;
  }

  /**
   * Brings store and folder together: what a crash left twice is kept once, what belongs to
   * another life of the store is removed. Rejects with EDGE_STORAGE when the folder cannot be read.
   */
  static async open(options: SeriesOptions): Promise<Series> {
    const { name, store, clock } = options;
    const state = store.rows('seriesState').get(name) ?? NO_STATE;
    const blocks: SeriesBlocks = new SeriesBlocks({
      ...options,
      state: () => series.#state,
      change: (next) => series.#change(next),
    });
    const series = new Series(options, state, blocks);
    await blocks.open(series.#last);
    await series.#findPending();
    series.#checkAge(clock);
    // A store that opened in alarm shows rows that are not durable.
    await store.commit([]).then(
      () => series.#settled(series.#last),
      () => series.#recoverLater(),
    );
    return series;
  }

  /** The highest number given. */
  get last(): number {
    return this.#last;
  }

  /** Everything up to here is durable, kept or given up. */
  get durable(): number {
    return this.#durable;
  }

  /** No more rows may come: blocks cannot be written, or the oldest rows are to be kept. */
  get isFull(): boolean {
    const { maxBytes, keep, blockRows, blockBytes } = this.#limits;
    const { pendingBlocks } = SERIES_LIMITS;
    if (this.#pending.rows >= pendingBlocks * blockRows) return true;
    if (this.#pending.bytes >= pendingBlocks * blockBytes) return true;
    return keep === 'oldest' && this.#blocks.cost >= maxBytes;
  }

  get stats(): SeriesStats {
    const { consumed, lost } = this.#state;
    const alarm = this.#alarm;
    return {
      rows: this.#blocks.rows + this.#pending.rows,
      bytes: this.#blocks.cost,
      blocks: this.#blocks.count,
      last: this.#last,
      consumed,
      lost,
      damagedBlocks: this.#blocks.damaged,
      ...(alarm === undefined ? {} : { alarm: failure(alarm) }),
    };
  }

  /**
   * Rows for the next transaction, and how many numbers behind them are given up at once. Throws
   * EDGE_LIMIT for too many bytes. Nothing happens before `added`.
   */
  draft(rows: readonly Omit<SeriesRow, 'n'>[], givenUp = 0): SeriesDraft {
    const { name, last: numbersElsewhere } = this.#options;
    const kept = this.#last + rows.length;
    const to = kept + givenUp;
    const puts: SeriesPut[] = [];
    let entry: PendingEntry | undefined;
    if (rows.length > 0) {
      const text = joinRows(rows, 0);
      if (text.length > SERIES_LIMITS.entryChars)
        throw new EdgeError('EDGE_LIMIT', `${text.length} characters of rows in one transaction`, {
          hint: `Give at most ${SERIES_LIMITS.entryChars} at once.`,
        });
      const key = `${name} ${kept}`;
      entry = { key, from: this.#last + 1, to: kept, bytes: text.length };
      puts.push({ table: 'series', key, row: text });
    }
    const lost = this.#state.lost + givenUp;
    const numbered = numbersElsewhere === undefined ? { last: to } : {};
    const state = { ...this.#state, lost, ...numbered };
    if (givenUp > 0 || numbersElsewhere === undefined)
      puts.push({ table: 'seriesState', key: name, row: state });
    return { puts, to, state, ...(entry === undefined ? {} : { entry }) };
  }

  /** The draft is in the store's memory, and durable when `durable` resolves. */
  added({ entry, state, to }: SeriesDraft, durable: Promise<void>): void {
    if (entry !== undefined) this.#pending.push(entry);
    this.#state = state;
    this.#last = to;
    durable.then(
      () => this.#settled(to),
      () => this.#recoverLater(),
    );
  }

  /**
   * All rows up to `n` were consumed, those of `arrived` as rows: what was dropped of them while it
   * was on its way is not lost. The put may be committed whenever it suits.
   */
  consumed(n: number, arrived: readonly NumberRange[] = []): SeriesPut {
    const { first, lost } = this.#state;
    const back = arrived.reduce(
      (sum, { from, to }) => sum + Math.max(0, Math.min(to, first - 1) - from + 1),
      0,
    );
    this.#state = { ...this.#state, consumed: n, lost: lost - back };
    return { table: 'seriesState', key: this.#options.name, row: this.#state };
  }

  /**
   * The next durable rows above `after`, at most about a block; undefined when there are none.
   * `within`: blocks without a row of that time may be left out. A damaged block is given up, and
   * counted, before anything behind it is read. Rejects with EDGE_STORAGE: try again later.
   */
  async read(
    after: number,
    within?: { readonly from: number; readonly to: number },
  ): Promise<Stretch | undefined> {
    const stored = await this.#blocks.read(after, within);
    const rows = stored ?? this.#pending.above(after, this.#durable);
    const last = rows.at(-1);
    return last === undefined ? undefined : { rows, to: last.n };
  }

  /** Called when `durable` has grown, or rows were given up. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Whatever is under way ends on its own; nothing more begins. */
  close(): void {
    this.#closed = true;
    for (const timer of [this.#retry, this.#recovery, this.#ageCheck]) timer?.cancel();
    this.#blocks.close();
  }

  get #limits(): Required<Pick<SeriesOptions, 'maxBytes' | 'keep' | 'blockRows' | 'blockBytes'>> {
    const { maxBytes, keep = 'newest' } = this.#options;
    const { blockRows = SERIES_LIMITS.blockRows } = this.#options;
    const { blockBytes = SERIES_LIMITS.blockBytes } = this.#options;
    return { maxBytes, keep, blockRows, blockBytes };
  }

  async #findPending(): Promise<void> {
    const { name, store, keys } = this.#options;
    const all = keys ?? [...store.rows('series').keys()].filter((key) => isOf(name, key));
    const spent: string[] = [];
    for (const key of all) {
      const entry = this.#pending.found(key);
      if (entry === undefined) continue;
      if (entry.to < this.#state.first || this.#blocks.covers(entry.from, entry.to))
        spent.push(key);
      else this.#pending.push(entry);
    }
    if (spent.length === 0) return;
    try {
      // The blocks' names must outlive the rows that they replace.
      await this.#blocks.settleNames();
      this.#delete(spent);
    } catch (error) {
      this.#log.warn('rows-kept-twice', { rows: spent.length, error });
    }
  }

  #settled(to: number): void {
    this.#durable = Math.max(this.#durable, to);
    this.#told();
    this.#sealSoon();
  }

  /** What was refused is in memory, and durable once any later commit is. */
  #recoverLater(): void {
    if (this.#recovery !== undefined || this.#closed) return;
    const { clock, store } = this.#options;
    this.#recovery = clock.setTimer('series-recovery', SERIES_LIMITS.recoveryMs, () => {
      const to = this.#last;
      this.#recovery = undefined;
      store.commit([]).then(
        () => this.#settled(to),
        () => this.#recoverLater(),
      );
    });
  }

  #sealSoon(): void {
    if (this.#due() > 0 && this.#retry === undefined) this.#sealNow();
  }

  #sealNow(): void {
    if (this.#sealing || this.#closed) return;
    this.#sealing = true;
    void this.#seal().finally(() => (this.#sealing = false));
  }

  #due(): number {
    const { blockRows, blockBytes } = this.#limits;
    return this.#pending.due(this.#durable, blockRows, blockBytes);
  }

  /** Rows become blocks, and leave the store once their block is durable. */
  async #seal(): Promise<void> {
    try {
      // What an earlier attempt could not journal comes first.
      await this.#blocks.enforce();
      for (let count = this.#due(); count > 0 && !this.#closed; count = this.#due()) {
        await this.#blocks.write(this.#pending.first(count), () => {
          this.#delete(this.#pending.shift(count).map(({ key }) => key));
        });
        await this.#blocks.enforce();
        this.#told();
      }
      this.#alarm = undefined;
    } catch (thrown) {
      const { clock } = this.#options;
      const error = EdgeError.from(thrown, 'EDGE_STORAGE');
      this.#alarm = error;
      this.#log.warn('block-not-written', { error });
      if (this.#closed) return;
      this.#retry = clock.setTimer(
        'series-retry',
        this.#retryDelay.after(error, clock.now()),
        () => {
          this.#retry = undefined;
          this.#sealNow();
        },
      );
    }
  }

  /** Only after their block: a crash before leaves them twice, which `open` mends. */
  #delete(keys: readonly string[]): void {
    const { store } = this.#options;
    const { deletesPerCommit } = SERIES_LIMITS;
    for (let start = 0; start < keys.length; start += deletesPerCommit) {
      const some = keys.slice(start, start + deletesPerCommit);
      const puts = some.map((key): SeriesPut => ({ table: 'series', key, row: null }));
      store.commit(puts).catch(() => undefined);
    }
  }

  async #change(change: Partial<SeriesState>): Promise<void> {
    const { store, name } = this.#options;
    this.#state = { ...this.#state, ...change };
    await store.commit([{ table: 'seriesState', key: name, row: this.#state }]);
  }

  #checkAge(clock: Clock): void {
    if (this.#options.maxAgeMs === undefined) return;
    void this.#blocks.enforce().then(
      () => this.#told(),
      (error: unknown) => this.#log.warn('age-not-enforced', { error }),
    );
    this.#ageCheck = clock.setTimer('series-age', SERIES_LIMITS.ageCheckMs, () =>
      this.#checkAge(clock),
    );
  }

  #told(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The keys of all series of a store, by name: for a store of many. */
export function seriesKeys(rows: ReadonlyMap<string, unknown>): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const key of rows.keys()) {
    const name = key.slice(0, key.lastIndexOf(' '));
    const keys = byName.get(name) ?? [];
    keys.push(key);
    byName.set(name, keys);
  }
  return byName;
}

function isOf(name: string, key: string): boolean {
  return key.startsWith(name) && key.lastIndexOf(' ') === name.length;
}

function failure({ code, message, hint }: EdgeError): StorageFailure {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
