import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import type { Storage } from './storage-port.js';
import type { Put, Store, StoreStats, TableName } from './store.js';
import { DamageNotices } from './damage-notices.js';
import { Durability } from './durability.js';
import { Flash } from './flash.js';
import { JOURNAL_LIMITS } from './limits.js';
import { recover } from './recovery.js';
import { FlashRide } from './flash-ride.js';
import { type FrozenTables, RowTables, type StoredPut } from './row-tables.js';
import { WriteMeter } from './write-meter.js';

export interface StoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Bytes of one journal segment, preallocated; default 4 MiB, at least 16 KiB. */
  readonly journalBytes?: number;
  /**
   * How long the first of a group of commits waits for others, in ms; default 0. Saves flash: a
   * sync costs a block of 4 KiB however little it carries. A commit of an empty list ends the wait.
   * The flash budget may lengthen it.
   */
  readonly windowMs?: number;
  /** The account of what is written; default: one of its own, without a budget. */
  readonly flash?: Flash;
  /** Bytes of JSON that may wait for a sync; default 8 MiB. */
  readonly waitingBytesMax?: number;
  /** Rows of all tables; default 200,000. */
  readonly rowsMax?: number;
}

/**
 * Opens or creates the store that lives in `storage`. Resolves in alarm, with the rows in memory,
 * when the storage can be read but not written. Rejects with EDGE_STORAGE when it cannot be read,
 * EDGE_STORAGE_CORRUPT when durable bytes are missing, EDGE_UNSUPPORTED for another format.
 */
export async function openStore<Tables extends object>(
  storage: Storage,
  options: StoreOptions,
): Promise<Store<Tables>> {
  const { clock, random, windowMs = 0, flash = new Flash({ clock }) } = options;
  const meter = new WriteMeter(flash);
  const metered = meter.over(storage);
  const log = options.log.child('journal');
  const found = await recover(metered);
  const tables = found.state?.tables ?? new RowTables();
  const damage = found.state?.damage ?? [];
  if (found.state !== undefined) log.info('recovered', { ...found.state.report });
  for (const { file, message } of damage) log.error('damaged', { file, message });
  const notices = new DamageNotices(tables, found.names, damage);
  const segmentBytes = Math.max(
    options.journalBytes ?? JOURNAL_LIMITS.segmentBytes,
    JOURNAL_LIMITS.segmentBytesMin,
  );
  const waitingBytesMax = options.waitingBytesMax ?? JOURNAL_LIMITS.waitingBytes;
  const ride = new FlashRide(flash, tables, clock);
  const durability = new Durability(
    metered,
    {
      ...{ clock, random, log, segmentBytes, waitingBytesMax },
      windowMs: () => Math.max(windowMs, flash.windowMs()),
      rider: (last) => ride.next(last),
    },
    () => tables.freeze(),
    found,
  );
  await durability.open(found);
  const tornTail = found.state?.report.tornTail ?? false;
  return new JournalStore<Tables>(
    tables,
    durability,
    { meter, flash, notices, tornTail },
    {
      transactionBytes: Math.min(JOURNAL_LIMITS.transactionBytes, segmentBytes / 4),
      waitingBytes: waitingBytesMax,
      rows: options.rowsMax ?? JOURNAL_LIMITS.rows,
    },
  );
}

/** What a store says of itself beside what it keeps. */
interface StoreFigures {
  readonly meter: WriteMeter;
  readonly flash: Flash;
  readonly notices: DamageNotices;
  readonly tornTail: boolean;
}

interface StoreLimits {
  readonly transactionBytes: number;
  readonly waitingBytes: number;
  readonly rows: number;
}

class JournalStore<Tables extends object> implements Store<Tables> {
  readonly #tables: RowTables;
  readonly #durability: Durability;
  readonly #figures: StoreFigures;
  readonly #limits: StoreLimits;
  #commits = 0;
  #refused = 0;
  #closing: Promise<void> | undefined;

  constructor(
    tables: RowTables,
    durability: Durability,
    figures: StoreFigures,
    limits: StoreLimits,
  ) {
    this.#tables = tables;
    this.#durability = durability;
    this.#figures = figures;
    this.#limits = limits;
  }

  get<T extends TableName<Tables>>(table: T, key: string): Tables[T] | undefined {
    return this.rows(table).get(key);
  }

  rows<T extends TableName<Tables>>(table: T): ReadonlyMap<string, Tables[T]> {
    // What was stored under this name had this type: rows enter through `commit` only.
    return this.#tables.table(table) as ReadonlyMap<string, Tables[T]>;
  }

  commit(puts: readonly Put<Tables>[]): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    if (puts.length === 0) return this.#durability.barrier();
    const stored = puts.map(({ table, key, row }): StoredPut => [table, key, row]);
    const payload = JSON.stringify(stored);
    const bytes = Buffer.byteLength(payload);
    try {
      this.#check(stored, bytes);
    } catch (thrown) {
      this.#refused += 1;
      throw thrown;
    }
    for (const put of stored) this.#tables.put(put);
    this.#commits += 1;
    if (this.#durability.alarm !== undefined) this.#refused += 1;
    return this.#durability.write(payload, bytes);
  }

  freeze(): FrozenTables {
    return this.#tables.freeze();
  }

  stats(): StoreStats {
    const { alarm, warning, waitingBytes, journalBytes, snapshots } = this.#durability;
    const { meter, flash, notices, tornTail } = this.#figures;
    return {
      commits: this.#commits,
      refused: this.#refused,
      rows: this.#tables.size,
      waitingBytes,
      syncs: meter.syncs,
      bytesWritten: meter.bytes,
      blocksWritten: meter.blocks,
      flash: flash.stats(),
      journalBytes,
      snapshots,
      tornTail,
      damage: notices.list(),
      ...(alarm === undefined ? {} : { alarm: shown(alarm) }),
      ...(warning === undefined ? {} : { warning: shown(warning) }),
    };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#durability.close(closed()));
  }

  /** Before anything is applied: a refused transaction leaves no trace. */
  #check(puts: readonly StoredPut[], bytes: number): void {
    const { transactionBytes, waitingBytes, rows } = this.#limits;
    const { transactionRows } = JOURNAL_LIMITS;
    if (puts.length > transactionRows) throw tooMany('rows in a transaction', transactionRows);
    if (bytes > transactionBytes) throw tooMany('bytes in a transaction', transactionBytes);
    if (this.#durability.alarm === undefined) {
      const waiting = this.#durability.waitingBytes + bytes;
      if (waiting > waitingBytes) throw tooMany('bytes waiting for the disk', waitingBytes);
    }
    if (this.#tables.size + puts.length <= rows) return;
    const adds = puts.filter(([table, key, row]) => {
      return row !== null && !this.#tables.table(table).has(key);
    });
    if (adds.length > 0 && this.#tables.size + adds.length > rows) throw tooMany('rows', rows);
  }
}

function shown(error: EdgeError): { code: string; message: string; hint?: string } {
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function tooMany(what: string, limit: number): EdgeError {
  return new EdgeError('EDGE_LIMIT', `more than ${limit} ${what}`, {
    hint: 'Nothing was stored. Commit less at a time, or wait for earlier commits.',
  });
}

function closed(): EdgeError {
  return new EdgeError('EDGE_STORAGE', 'the store is closed');
}
