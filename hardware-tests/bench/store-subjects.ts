import { open, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import initSqlJs from 'sql.js';
import { openFileStorage } from '#journal/file-storage.js';
import { openStore } from '#journal/journal-store.js';
import { openSqlView } from '#journal/sql-view.js';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import type { TwinRow } from './store-load.js';

/** One way to keep twins durable, measured in a process of its own. */
export interface StoreSubject {
  /** Durable when it resolves. */
  put(key: string, row: TwinRow): Promise<void>;
  /** Rows in memory, as a gateway needs them after its start. */
  rows(): number;
  /** How many rows have a value above this: a question in SQL. */
  above(value: number): Promise<number>;
  close(): Promise<void>;
}

export interface SubjectKind {
  readonly name: string;
  /** The package it needs; the project itself has none of these. */
  readonly needs?: 'better-sqlite3' | 'node-sqlite3-wasm';
  /** Another way to write the same: it opens and answers alike. */
  readonly variant?: true;
  /** So slow that a tenth of the updates is enough. */
  readonly slow?: true;
  open(folder: string, peers: string): Promise<StoreSubject>;
}

export const EACH = 'a sync per update';
const UPSERT = 'INSERT INTO twins VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row';
const CREATE = 'CREATE TABLE IF NOT EXISTS twins (key TEXT PRIMARY KEY, row TEXT)';
const ABOVE = "SELECT count(*) AS n FROM twins WHERE json_extract(row, '$.value') > ?";

export const SUBJECTS: readonly SubjectKind[] = [
  { name: 'edgetwin', open: (folder) => journal(folder, 0) },
  { name: 'edgetwin, 20 ms window', variant: true, open: (folder) => journal(folder, 20) },
  {
    name: `edgetwin, ${EACH}`,
    variant: true,
    open: async (folder) => oneByOne(await journal(folder, 0)),
  },
  { name: 'better-sqlite3 WAL FULL', needs: 'better-sqlite3', open: better(grouped) },
  {
    name: `better-sqlite3 WAL FULL, ${EACH}`,
    variant: true,
    needs: 'better-sqlite3',
    open: better(single),
  },
  { name: 'node-sqlite3-wasm WAL FULL', needs: 'node-sqlite3-wasm', open: wasm(grouped) },
  {
    name: `node-sqlite3-wasm WAL FULL, ${EACH}`,
    variant: true,
    needs: 'node-sqlite3-wasm',
    open: wasm(single),
  },
  { name: 'sql.js alone, the file anew each time', slow: true, open: wholeFile },
];

async function journal(folder: string, windowMs: number): Promise<StoreSubject> {
  const options = { clock: systemClock, random: systemRandom, log: silentLog, windowMs };
  const store = await openStore<{ twins: TwinRow }>(await openFileStorage(folder), options);
  const view = openSqlView(store, { twins: ['value'] }, { clock: systemClock });
  return {
    put: (key, row) => store.commit([{ table: 'twins', key, row }]),
    rows: () => store.rows('twins').size,
    above: async (value) => {
      const { rows } = await view.query('SELECT count(*) FROM twins WHERE value > ?', [value]);
      return Number(rows[0]?.[0]);
    },
    close: async () => {
      await view.close();
      await store.close();
    },
  };
}

/** No update begins before the one before it is durable. */
function oneByOne(subject: StoreSubject): StoreSubject {
  let last: Promise<void> = Promise.resolve();
  return { ...subject, put: (key, row) => (last = last.then(() => subject.put(key, row))) };
}

/** What both SQLite packages can do. */
interface Sqlite {
  /** One transaction. */
  write(puts: readonly (readonly [string, string])[]): void;
  all(): readonly { readonly key: string; readonly row: string }[];
  above(value: number): number;
  close(): void;
}

type Grouping = (sqlite: Sqlite) => StoreSubject['put'];

/** A transaction for each update, as SQLite is mostly used. */
function single(sqlite: Sqlite): StoreSubject['put'] {
  return (key, row) => {
    sqlite.write([[key, JSON.stringify(row)]]);
    return Promise.resolve();
  };
}

/** The same group commit as the journal has: what came in one turn is one transaction. */
function grouped(sqlite: Sqlite): StoreSubject['put'] {
  let waiting: [string, string][] = [];
  let next: Promise<void> | undefined;
  return (key, row) => {
    waiting.push([key, JSON.stringify(row)]);
    next ??= new Promise((resolve) => {
      setImmediate(() => {
        const puts = waiting;
        waiting = [];
        next = undefined;
        sqlite.write(puts);
        resolve();
      });
    });
    return next;
  };
}

function subjectOf(sqlite: Sqlite, grouping: Grouping): StoreSubject {
  const rows = new Map(sqlite.all().map(({ key, row }) => [key, JSON.parse(row) as TwinRow]));
  const put = grouping(sqlite);
  return {
    put: (key, row) => {
      rows.set(key, row);
      return put(key, row);
    },
    rows: () => rows.size,
    above: (value) => Promise.resolve(sqlite.above(value)),
    close: () => {
      sqlite.close();
      return Promise.resolve();
    },
  };
}

/** The parts of better-sqlite3 12 that are used here. */
interface BetterSqlite {
  pragma(text: string, options?: { simple: true }): unknown;
  exec(sql: string): void;
  prepare(sql: string): {
    run(...params: unknown[]): void;
    get(...params: unknown[]): { n: number };
    all(): { key: string; row: string }[];
  };
  transaction<T>(run: (argument: T) => void): (argument: T) => void;
  close(): void;
}

function better(grouping: Grouping): SubjectKind['open'] {
  return (folder, peers) => {
    const Database = packageOf(peers, 'better-sqlite3') as new (path: string) => BetterSqlite;
    const db = new Database(join(folder, 'twins.db'));
    expectSetting(db.pragma('journal_mode = WAL', { simple: true }), 'wal');
    db.pragma('synchronous = FULL');
    expectSetting(db.pragma('synchronous', { simple: true }), 2);
    db.exec(CREATE);
    const upsert = db.prepare(UPSERT);
    const write = db.transaction((puts: Parameters<Sqlite['write']>[0]) => {
      for (const [key, row] of puts) upsert.run(key, row);
    });
    const sqlite: Sqlite = {
      write,
      all: () => db.prepare('SELECT key, row FROM twins').all(),
      above: (value) => db.prepare(ABOVE).get(value).n,
      close: () => db.close(),
    };
    return Promise.resolve(subjectOf(sqlite, grouping));
  };
}

/** The parts of node-sqlite3-wasm that are used here. */
interface WasmSqlite {
  exec(sql: string): void;
  get(sql: string, params?: unknown): Record<string, unknown>;
  all(sql: string): { key: string; row: string }[];
  prepare(sql: string): { run(params: unknown): void; finalize(): void };
  close(): void;
}

function wasm(grouping: Grouping): SubjectKind['open'] {
  return (folder, peers) => {
    const { Database } = packageOf(peers, 'node-sqlite3-wasm') as {
      Database: new (path: string) => WasmSqlite;
    };
    const db = new Database(join(folder, 'twins.db'));
    // It has no shared memory: WAL works for one process that keeps the file to itself.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    expectSetting(db.get('PRAGMA journal_mode = WAL')['journal_mode'], 'wal');
    db.exec('PRAGMA synchronous = FULL');
    expectSetting(db.get('PRAGMA synchronous')['synchronous'], 2);
    db.exec(CREATE);
    const upsert = db.prepare(UPSERT);
    const sqlite: Sqlite = {
      write: (puts) => {
        db.exec('BEGIN');
        for (const put of puts) upsert.run(put);
        db.exec('COMMIT');
      },
      all: () => db.all('SELECT key, row FROM twins'),
      above: (value) => Number(db.get(ABOVE, [value])['n']),
      close: () => {
        upsert.finalize();
        db.close();
      },
    };
    return Promise.resolve(subjectOf(sqlite, grouping));
  };
}

/** sql.js without a journal: durable is the whole database in a new file. */
async function wholeFile(folder: string): Promise<StoreSubject> {
  const SQL = await initSqlJs();
  const path = join(folder, 'twins.db');
  const db = new SQL.Database(await bytesOf(path));
  db.run(CREATE);
  const rows = new Map<string, TwinRow>();
  for (const [key, row] of db.exec('SELECT key, row FROM twins')[0]?.values ?? [])
    rows.set(String(key), JSON.parse(String(row)) as TwinRow);
  const save = async (): Promise<void> => {
    const file = await open(`${path}.tmp`, 'w');
    await file.writeFile(db.export());
    await file.sync();
    await file.close();
    await rename(`${path}.tmp`, path);
  };
  return oneByOne({
    put: async (key, row) => {
      rows.set(key, row);
      db.run(UPSERT, [key, JSON.stringify(row)]);
      await save();
    },
    rows: () => rows.size,
    above: (value) => Promise.resolve(Number(db.exec(ABOVE, [value])[0]?.values[0]?.[0])),
    close: () => {
      db.close();
      return Promise.resolve();
    },
  });
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path, 'r');
    const bytes = await file.readFile();
    await file.close();
    return bytes;
  } catch {
    return undefined;
  }
}

function packageOf(peers: string, name: string): unknown {
  return createRequire(join(peers, 'package.json'))(name);
}

function expectSetting(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`SQLite took ${String(found)} for ${String(wanted)}`);
}
