import { EdgeError } from '#protocol/errors.js';
import type { Put, Store, StoreStats, TableName } from '#journal/store.js';

/**
 * For tests: a Store without a disk whose sync happens when the test says so. It keeps what is
 * durable apart from what is in memory, so that a crash can be played.
 */
export class FakeStore<Tables extends object> implements Store<Tables> {
  #memory = new Map<string, Map<string, unknown>>();
  #durable = new Map<string, Map<string, unknown>>();
  #waiting: { readonly puts: readonly Put<Tables>[]; settle: (error?: EdgeError) => void }[] = [];
  #failure: EdgeError | undefined;
  #commits = 0;
  /** False holds every sync back until `sync` is called. */
  syncsAtOnce = true;

  get<T extends TableName<Tables>>(table: T, key: string): Tables[T] | undefined {
    return this.#memory.get(table)?.get(key) as Tables[T] | undefined;
  }

  rows<T extends TableName<Tables>>(table: T): ReadonlyMap<string, Tables[T]> {
    return (this.#memory.get(table) ?? new Map()) as ReadonlyMap<string, Tables[T]>;
  }

  commit(puts: readonly Put<Tables>[]): Promise<void> {
    this.#commits++;
    write(this.#memory, puts);
    return new Promise((resolve, reject) => {
      const settle = (error?: EdgeError): void => (error === undefined ? resolve() : reject(error));
      this.#waiting.push({ puts, settle });
      if (this.syncsAtOnce || this.#failure !== undefined) this.sync();
    });
  }

  /** Makes durable what waits, or refuses it while the storage fails. */
  sync(): void {
    for (const { puts, settle } of this.#waiting.splice(0)) {
      if (this.#failure === undefined) {
        for (const own of this.#refused.splice(0)) write(this.#durable, own);
        write(this.#durable, puts);
      } else this.#refused.push(puts);
      settle(this.#failure);
    }
  }

  /** Transactions that were refused and become durable with the next good sync. */
  readonly #refused: (readonly Put<Tables>[])[] = [];

  fail(): void {
    this.#failure = new EdgeError('EDGE_STORAGE', 'the disk is full');
  }

  heal(): void {
    this.#failure = undefined;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** What a process finds that starts after a crash now. */
  crash(): FakeStore<Tables> {
    const next = new FakeStore<Tables>();
    for (const [table, rows] of this.#durable) {
      next.#durable.set(table, new Map(rows));
      next.#memory.set(table, new Map(rows));
    }
    return next;
  }

  stats(): StoreStats {
    return {
      commits: this.#commits,
      syncs: this.#commits,
      bytesWritten: 0,
      journalBytes: 0,
      snapshots: 0,
    };
  }

  async close(): Promise<void> {
    this.sync();
  }
}

function write<Tables extends object>(
  tables: Map<string, Map<string, unknown>>,
  puts: readonly Put<Tables>[],
): void {
  for (const { table, key, row } of puts) {
    const rows = tables.get(table) ?? new Map<string, unknown>();
    tables.set(table, rows);
    if (row === null) rows.delete(key);
    else rows.set(key, row);
  }
}
