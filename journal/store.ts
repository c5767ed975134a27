import type { FlashStats } from './flash.js';
import type { FrozenTables } from './row-tables.js';

/**
 * Keyed tables in memory with an append-only journal as their truth: what both ends keep. Knows
 * nothing of twins. `Tables` maps a table's name to the type of its rows; rows are JSON and are
 * never changed in place. The implementation is `journal-store.ts`.
 */
export interface Store<Tables extends object> {
  get<T extends TableName<Tables>>(table: T, key: string): Tables[T] | undefined;
  /** Live and in insertion order; do not keep it across a commit. */
  rows<T extends TableName<Tables>>(table: T): ReadonlyMap<string, Tables[T]>;
  /**
   * One transaction. In memory at once (before this returns); the promise resolves when it is
   * synced, in commit order, and rejects with EDGE_STORAGE when durability is refused. Then the
   * rows stay in memory and become durable when the storage is well again: an unacknowledged
   * transaction may survive, an acknowledged one always does. An empty list resolves once all
   * commits before it are durable. Throws EDGE_LIMIT, and applies nothing, for a transaction that
   * is too large, that adds more rows than the store may have, or when too much waits for the disk.
   */
  commit(puts: readonly Put<Tables>[]): Promise<void>;
  /** All rows as they are now, the store's own too: for a backup. About 0.1 ms for 1,000 rows. */
  freeze(): FrozenTables;
  /** Durable bytes and syncs so far, journal size, and whether durability is refused right now. */
  stats(): StoreStats;
  /** Syncs what is under way and closes. Later commits reject with EDGE_STORAGE. */
  close(): Promise<void>;
}

/**
 * The same store for a room that knows some of its tables only. The compiler cannot see that more
 * tables do no harm, since a table's rows are both read and put.
 */
export function tablesOf<Some extends object, All extends Some>(store: Store<All>): Store<Some> {
  return store as unknown as Store<Some>;
}

export type TableName<Tables extends object> = Extract<keyof Tables, string>;

/** Puts one row; `row: null` deletes it. */
export type Put<Tables extends object> = {
  [T in TableName<Tables>]: {
    readonly table: T;
    readonly key: string;
    readonly row: Tables[T] | null;
  };
}[TableName<Tables>];

export interface StoreStats {
  /** Transactions applied since opening: a change of it means that rows have changed. */
  readonly commits: number;
  /** Transactions refused since opening: over a limit, or without durability. */
  readonly refused: number;
  /** Rows of all tables. */
  readonly rows: number;
  /** Bytes of transactions that wait for a sync to begin. */
  readonly waitingBytes: number;
  readonly syncs: number;
  /** Bytes handed to the storage since opening: journal and snapshots. */
  readonly bytesWritten: number;
  /** Blocks of 4 KiB that those touched, counted per sync: what wears flash. */
  readonly blocksWritten: number;
  /** The last 24 hours of this program beside its budget; restarts do not reset it. */
  readonly flash: FlashStats;
  /** Bytes of journal behind the newest snapshot. */
  readonly journalBytes: number;
  readonly snapshots: number;
  /** This opening dropped the rest of a write that never ended: normal after a power cut. */
  readonly tornTail: boolean;
  /**
   * Durable bytes that changed, found at this opening or an earlier one: the name of the copy that
   * was set aside, and what it cost. Gone at the opening after someone removed the copy.
   */
  readonly damage: readonly { readonly file: string; readonly message: string }[];
  /** Set while durability is refused: the storage's failure. */
  readonly alarm?: StorageFailure;
  /** Set while snapshots fail and the journal still takes transactions. */
  readonly warning?: StorageFailure;
}

export interface StorageFailure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}
