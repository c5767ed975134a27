import type { Put, Store } from '#journal/store.js';
import { FIRST_NUMBERING, nextNumberAbove } from '#protocol/numbering.js';
import type { NumberingState } from '#protocol/numbering.js';
import { EdgeError } from '#protocol/errors.js';
import type { GatewayTables, IdentityRow } from './tables.js';

export type GatewayPut = Put<GatewayTables>;
export type TableReader = Pick<Store<GatewayTables>, 'get' | 'rows'>;

/**
 * Rows of one transaction over the tables as they are: reads see its own writes, numbers are
 * taken and journaled with the rows they number. Nothing happens before someone commits `puts`.
 */
export class Transaction {
  #tables: TableReader;
  #boot: string;
  #puts = new Map<string, GatewayPut>();
  #state: NumberingState | undefined;

  constructor(tables: TableReader, boot: string) {
    this.#tables = tables;
    this.#boot = boot;
  }

  get<T extends keyof GatewayTables>(table: T, key: string): GatewayTables[T] | undefined {
    const put = this.#puts.get(`${table} ${key}`);
    if (put === undefined) return this.#tables.get(table, key);
    return (put.row ?? undefined) as GatewayTables[T] | undefined;
  }

  /** The keys of a table, also those that this transaction adds or removes: ask `get`. */
  keys(table: keyof GatewayTables): string[] {
    const keys = new Set(this.#tables.rows(table).keys());
    for (const put of this.#puts.values()) if (put.table === table) keys.add(put.key);
    return [...keys];
  }

  put(put: GatewayPut): void {
    this.#puts.set(`${put.table} ${put.key}`, put);
  }

  identity(): IdentityRow {
    const row = this.get('identity', 'self');
    if (row !== undefined) return row;
    throw new EdgeError('EDGE_STORAGE_CORRUPT', 'the store has no identity row', {
      hint: 'restore the data folder or remove it: the gateway then starts with a new lineage',
    });
  }

  /** The next state number (sv), above `floor`. */
  number(floor = 0): number {
    const before = this.#state ?? this.get('numbering', 'state') ?? FIRST_NUMBERING;
    this.#state = nextNumberAbove(before, this.#boot, floor);
    this.put({ table: 'numbering', key: 'state', row: this.#state });
    return this.#state.value;
  }

  /** In the order of first writing; the last row of each key. */
  puts(): readonly GatewayPut[] {
    return [...this.#puts.values()];
  }
}
