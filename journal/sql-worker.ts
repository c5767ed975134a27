import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import type { Database } from 'sql.js';
import type { SqlAnswer, SqlRequest, SqlRows, SqlValue } from './sql-messages.js';

/** Bytes that SQLite may take: a query cannot make the process grow beyond it. */
const HEAP_BYTES_MAX = 128 * 1024 * 1024;

class Refused extends TypeError {}

let database: Database | undefined;

async function answer(request: SqlRequest): Promise<SqlAnswer> {
  if (request.kind === 'begin') {
    database?.close();
    database = await emptyDatabase();
    for (const { name, fields } of request.tables) database.run(createTable(name, fields));
    return { kind: 'done' };
  }
  const open = database;
  if (open === undefined) throw new Refused('nothing is loaded');
  switch (request.kind) {
    case 'load':
      load(open, request.table, request.rows);
      return { kind: 'done' };
    case 'query':
      return { kind: 'rows', result: query(open, request) };
    case 'export':
      return { kind: 'image', image: open.export() };
  }
}

async function emptyDatabase(): Promise<Database> {
  const { default: initialise } = await import('sql.js');
  const wasm = fileURLToPath(import.meta.resolve('sql.js/dist/sql-wasm.wasm'));
  const sqlite = await initialise({ locateFile: () => wasm });
  const empty = new sqlite.Database();
  empty.run(`PRAGMA hard_heap_limit = ${HEAP_BYTES_MAX}`);
  return empty;
}

function createTable(name: string, fields: readonly string[]): string {
  const columns = fields.map((field) => `"${field}" AS (row ->> '$."${field}"') VIRTUAL`);
  return `CREATE TABLE "${name}" (${['key TEXT PRIMARY KEY', 'row JSON', ...columns].join(', ')})`;
}

function load(open: Database, table: string, rows: string): void {
  open.run('PRAGMA query_only = 0');
  open.run('BEGIN');
  const insert = `INSERT INTO "${table}" (key, row) SELECT value ->> 0, value -> 1 FROM json_each(?)`;
  open.run(insert, [rows]);
  open.run('COMMIT');
}

function query(open: Database, request: SqlRequest & { kind: 'query' }): SqlRows {
  const { sql, params, rowsMax, bytesMax } = request;
  open.run('PRAGMA query_only = 1');
  if (!READS.test(sql)) throw new Refused('only SELECT, WITH, VALUES and EXPLAIN may run here');
  const statements = open.iterateStatements(sql);
  const statement = statements.next().value;
  if (hasMore(statements.getRemainingSQL())) throw new Refused('only one statement at a time');
  statement.bind([...params]);
  const rows: SqlValue[][] = [];
  let bytes = 0;
  let truncated = false;
  while (statement.step()) {
    const row = statement.get();
    bytes += row.reduce<number>((sum, value) => sum + sizeOf(value), 0);
    truncated = rows.length >= rowsMax || bytes > bytesMax;
    if (truncated) break;
    rows.push(row);
  }
  const result = { columns: statement.getColumnNames(), rows, truncated };
  statement.free();
  return result;
}

const BLANK = '(?:\\s|--[^\\n]*(?:\\n|$)|/\\*[^]*?\\*/|;)*';
const READS = new RegExp(`^${BLANK}(?:select|with|values|explain)\\b`, 'i');
const ONLY_BLANK = new RegExp(`^${BLANK}$`);

function hasMore(rest: string): boolean {
  return !ONLY_BLANK.test(rest);
}

function sizeOf(value: SqlValue): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
}

parentPort?.on('message', (request: SqlRequest) => {
  answer(request).then(
    (reply) => parentPort?.postMessage(reply),
    (thrown: unknown) => {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      parentPort?.postMessage({ kind: 'error', message, refused: thrown instanceof Refused });
    },
  );
});
