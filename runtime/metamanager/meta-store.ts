import type { Store, StoreStats } from '#journal/store.js';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { FIRST_NUMBERING } from '#protocol/numbering.js';
import type { NumberingState } from '#protocol/numbering.js';
import { randomId } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { GatewayTables, IdentityRow } from './tables.js';
import { Transaction } from './transaction.js';
import type { GatewayPut, TableReader } from './transaction.js';

export interface MetaStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * The gateway's durable tables with their types: what KubeEdge calls MetaManager. Memory is always
 * ahead of the disk; a commit's promise says when the disk has caught up.
 */
export class MetaStore implements TableReader {
  /** Random, new per process: a restored backup can never bring an old one back. */
  readonly boot: string;
  #store: Store<GatewayTables>;
  #clock: Clock;
  #log: Log;
  #soon = new Map<string, GatewayPut>();
  #soonTimer: Timer | undefined;
  #closed = false;

  /** For `open`. */
  constructor(store: Store<GatewayTables>, { clock, random, log }: MetaStoreOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log.child('metamanager');
    this.boot = randomId(random);
  }

  /**
   * Makes the identity of a store that has none: a lineage exists from the first moment, never
   * only when the hub gives one (hole H9). A storage that refuses it is no reason to stay away:
   * nothing numbered by it leaves before it is durable.
   */
  static async open(store: Store<GatewayTables>, options: MetaStoreOptions): Promise<MetaStore> {
    const meta = new MetaStore(store, options);
    if (store.get('identity', 'self') !== undefined) return meta;
    const row: IdentityRow = {
      lineage: randomId(options.random),
      gen: 0,
      lastEpoch: 0,
      hubLineage: '',
      hubBoots: [],
      maxDesired: 0,
    };
    try {
      await store.commit([{ table: 'identity', key: 'self', row }]);
    } catch (error) {
      meta.#log.error('identity-not-durable', { error });
    }
    return meta;
  }

  get<T extends keyof GatewayTables>(table: T, key: string): GatewayTables[T] | undefined {
    const put = this.#soon.size === 0 ? undefined : this.#soon.get(`${table} ${key}`);
    if (put === undefined) return this.#store.get(table, key);
    return (put.row ?? undefined) as GatewayTables[T] | undefined;
  }

  /** Without what `commitSoon` still holds back. */
  rows<T extends keyof GatewayTables>(table: T): ReadonlyMap<string, GatewayTables[T]> {
    return this.#store.rows(table);
  }

  transaction(): Transaction {
    return new Transaction(this, this.boot);
  }

  identity(): IdentityRow {
    return this.transaction().identity();
  }

  numbering(counter: 'state' | 'samples'): NumberingState {
    return this.get('numbering', counter) ?? FIRST_NUMBERING;
  }

  /**
   * One transaction: visible at once, durable when the promise resolves, in commit order.
   * Rejects with EDGE_STORAGE; then the rows stay and become durable some time after.
   */
  commit(puts: readonly GatewayPut[]): Promise<void> {
    return this.#store.commit(this.#withSoon(puts));
  }

  /** What is committed waits for no others, however much the flash budget would like that. */
  hurry(): void {
    this.#store.commit([]).catch(() => undefined);
  }

  /**
   * Like `commit`, for a transaction that may be too large for one: it becomes several. Numbers
   * are durable first and the identity last, so a crash in between is as if the event had not
   * been, but for numbers that nobody used.
   */
  async commitParts(puts: readonly GatewayPut[]): Promise<void> {
    const ordered = puts.toSorted((a, b) => rank(a) - rank(b));
    const parts: GatewayPut[][] = [[]];
    let bytes = 0;
    for (const put of ordered) {
      const size = put.key.length + JSON.stringify(put.row).length;
      if (bytes > 0 && bytes + size > GATEWAY_LIMITS.transactionBytes) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)?.push(put);
      bytes += size;
    }
    await Promise.all(parts.map((part) => this.commit(part)));
  }

  /**
   * Visible at once, durable with the next commit or after GATEWAY_LIMITS.lazyCommitMs: for rows
   * whose loss costs only a repetition.
   */
  commitSoon(puts: readonly GatewayPut[]): void {
    for (const put of puts) {
      const key = `${put.table} ${put.key}`;
      this.#soon.delete(key);
      this.#soon.set(key, put);
    }
    if (this.#soon.size === 0 || this.#closed) return;
    if (this.#soon.size >= GATEWAY_LIMITS.lazyCommitRows) {
      this.commit([]).catch(() => undefined);
      return;
    }
    this.#soonTimer ??= this.#clock.setTimer('lazy-commit', GATEWAY_LIMITS.lazyCommitMs, () => {
      this.commit([]).catch(() => undefined);
    });
  }

  stats(): StoreStats {
    return this.#store.stats();
  }

  /** Syncs everything, what was put off too, and closes the store. */
  async close(): Promise<void> {
    const last = this.commit([]).catch((error: unknown) => {
      this.#log.error('last-commit-refused', { error: EdgeError.from(error, 'EDGE_STORAGE') });
    });
    this.#closed = true;
    await last;
    await this.#store.close();
  }

  #withSoon(puts: readonly GatewayPut[]): readonly GatewayPut[] {
    this.#soonTimer?.cancel();
    this.#soonTimer = undefined;
    if (this.#soon.size === 0) return puts;
    const all = new Map(this.#soon);
    this.#soon.clear();
    for (const put of puts) {
      const key = `${put.table} ${put.key}`;
      all.delete(key);
      all.set(key, put);
    }
    return [...all.values()];
  }
}

/** Numbers before what they number, the identity after what it stands for. */
function rank({ table }: GatewayPut): number {
  if (table === 'numbering') return 0;
  return table === 'identity' ? 2 : 1;
}
