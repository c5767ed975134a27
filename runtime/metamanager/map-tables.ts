import type { GatewayTables } from './tables.js';
import type { GatewayPut, TableReader } from './transaction.js';

/** The fake of the tables: rows in memory and nothing else, for tests of what is pure. */
export class MapTables implements TableReader {
  #tables = new Map<string, Map<string, unknown>>();

  constructor(lineage = '0000000000000001') {
    this.apply([
      {
        table: 'identity',
        key: 'self',
        row: { lineage, gen: 0, lastEpoch: 0, hubLineage: '', hubBoots: [], maxDesired: 0 },
      },
    ]);
  }

  get<T extends keyof GatewayTables>(table: T, key: string): GatewayTables[T] | undefined {
    return this.#table(table).get(key) as GatewayTables[T] | undefined;
  }

  rows<T extends keyof GatewayTables>(table: T): ReadonlyMap<string, GatewayTables[T]> {
    return this.#table(table) as Map<string, GatewayTables[T]>;
  }

  apply(puts: readonly GatewayPut[]): void {
    for (const { table, key, row } of puts)
      if (row === null) this.#table(table).delete(key);
      else this.#table(table).set(key, row);
  }

  /** A copy that goes its own way: a backup. */
  copy(): MapTables {
    const copy = new MapTables();
    for (const [name, rows] of this.#tables) copy.#tables.set(name, new Map<string, unknown>(rows));
    return copy;
  }

  #table(name: string): Map<string, unknown> {
    let rows = this.#tables.get(name);
    if (rows === undefined) this.#tables.set(name, (rows = new Map<string, unknown>()));
    return rows;
  }
}
