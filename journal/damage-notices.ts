import { isSetAside, setAsideName } from './file-names.js';
import { OWN_TABLE, type RowTables } from './row-tables.js';
import type { Damage } from './walk.js';

/**
 * What was found damaged, in this life or an earlier one, for as long as the copy that was set
 * aside stands in the folder: whoever has looked at it removes it, and the next opening forgets.
 */
export class DamageNotices {
  readonly #tables: RowTables;

  /** `names`: the files of the folder; `found`: what this opening found. */
  constructor(tables: RowTables, names: readonly string[], found: readonly Damage[]) {
    this.#tables = tables;
    const rows = tables.table(OWN_TABLE);
    for (const name of [...rows.keys()].filter(isSetAside)) {
      if (!names.includes(name)) tables.put([OWN_TABLE, name, null]);
    }
    for (const name of names.filter(isSetAside)) {
      if (!rows.has(name)) tables.put([OWN_TABLE, name, { message: 'damaged in an earlier life' }]);
    }
    for (const { file, message } of found) {
      const name = setAsideName(file);
      const before = messageOf(rows.get(name));
      // Several bits of one file, for instance.
      const whole = before === undefined ? message : `${before}. ${message}`;
      tables.put([OWN_TABLE, name, { message: whole.slice(0, MESSAGE_CHARS) }]);
    }
  }

  list(): readonly Damage[] {
    const rows = [...this.#tables.table(OWN_TABLE)].filter(([name]) => isSetAside(name));
    return rows.map(([file, row]) => ({ file, message: messageOf(row) ?? '' }));
  }
}

const MESSAGE_CHARS = 500;

function messageOf(row: unknown): string | undefined {
  const isRow = typeof row === 'object' && row !== null && 'message' in row;
  return isRow && typeof row.message === 'string' ? row.message : undefined;
}
