/** One row of a transaction or a snapshot as it is stored; null deletes. */
export type StoredPut = readonly [table: string, key: string, row: unknown];
export type FrozenTables = readonly (readonly [
  table: string,
  rows: ReadonlyMap<string, unknown>,
])[];

/** The store's own table: kept like every other, not counted, and never in a backup. */
export const OWN_TABLE = '.store';

/** All rows in memory. Rows are never changed in place, so a copy of the maps is a snapshot. */
export class RowTables {
  readonly #tables = new Map<string, Map<string, unknown>>();
  #rows = 0;

  /** Rows of all tables but the store's own. */
  get size(): number {
    return this.#rows;
  }

  /** Live; made when missing, so that it is the one that later rows appear in. */
  table(name: string): Map<string, unknown> {
    let rows = this.#tables.get(name);
    if (rows === undefined) this.#tables.set(name, (rows = new Map<string, unknown>()));
    return rows;
  }

  put([name, key, row]: StoredPut): void {
    const rows = this.table(name);
    const before = rows.size;
    if (row === null) rows.delete(key);
    else rows.set(key, row);
    if (name !== OWN_TABLE) this.#rows += rows.size - before;
  }

  /** The rows as they are now: about 0.1 ms for a thousand rows. */
  freeze(): FrozenTables {
    return [...this.#tables].map(([name, rows]) => [name, new Map(rows)]);
  }
}
