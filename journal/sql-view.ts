import { Worker } from 'node:worker_threads';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Store, TableName } from './store.js';
import { SQL_LIMITS } from './limits.js';
import type { SqlAnswer, SqlRequest, SqlRows } from './sql-messages.js';

export type SqlParameter = string | number | null;

/**
 * The rows of a store as SQLite tables, for questions that people ask and for a file they can
 * take away. Everything happens in a worker thread that starts with the first question and ends
 * with `close`: SQLite takes memory and time, and nothing else can stop a query that runs on.
 */
export interface SqlView {
  /**
   * Rows of one SELECT, as of now. At most `rowsMax` (default 1,000) and 4 MiB. Rejects with
   * EDGE_USAGE for SQL that is wrong or changes something, EDGE_TIMEOUT after `timeMaxMs`.
   */
  query(
    sql: string,
    params?: readonly SqlParameter[],
    options?: { readonly rowsMax?: number },
  ): Promise<SqlRows>;
  /** A whole SQLite database file as of now. */
  exportImage(): Promise<Uint8Array>;
  /** Frees everything. Questions under way reject with EDGE_USAGE. */
  close(): Promise<void>;
}

/** For each table the top-level fields of its rows that become columns beside `key` and `row`. */
export type SqlTables<Tables extends object> = Readonly<
  Partial<Record<TableName<Tables>, readonly string[]>>
>;

export interface SqlViewOptions {
  readonly clock: Clock;
  /** Milliseconds that one question may take, reading the store included; default 10 s. */
  readonly timeMaxMs?: number;
}

/**
 * Each table gets `key TEXT PRIMARY KEY`, `row JSON` and the named fields; rowid is the order of
 * the rows. Rebuilt when the store has changed since the last question. Loads nothing yet.
 */
export function openSqlView<Tables extends object>(
  store: Store<Tables>,
  tables: SqlTables<Tables>,
  options: SqlViewOptions,
): SqlView {
  return new WorkerView(store, tables, options);
}

class WorkerView<Tables extends object> implements SqlView {
  readonly #store: Store<Tables>;
  readonly #tables: readonly { name: TableName<Tables>; fields: readonly string[] }[];
  readonly #options: SqlViewOptions;
  #worker: Worker | undefined;
  /** What the worker's tables show: the store's count of commits. */
  #loaded: number | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** The question under way has had its time. */
  #late = false;
  #closed = false;

  constructor(store: Store<Tables>, tables: SqlTables<Tables>, options: SqlViewOptions) {
    this.#store = store;
    this.#options = options;
    const names = Object.keys(tables) as TableName<Tables>[];
    this.#tables = names.map((name) => ({ name, fields: tables[name] ?? [] }));
    for (const { name, fields } of this.#tables) [name, ...fields].forEach(checkIdentifier);
  }

  query(
    sql: string,
    params: readonly SqlParameter[] = [],
    { rowsMax = SQL_LIMITS.rows }: { readonly rowsMax?: number } = {},
  ): Promise<SqlRows> {
    if (sql.length > SQL_LIMITS.sqlChars) throw tooMuch('characters of SQL', SQL_LIMITS.sqlChars);
    const { resultBytes: bytesMax } = SQL_LIMITS;
    return this.#ask({ kind: 'query', sql, params, rowsMax, bytesMax }, (answer) =>
      answer.kind === 'rows' ? answer.result : undefined,
    );
  }

  exportImage(): Promise<Uint8Array> {
    return this.#ask({ kind: 'export' }, (answer) =>
      answer.kind === 'image' ? answer.image : undefined,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  /** One question at a time: the worker is one thread. */
  #ask<T>(request: SqlRequest, pick: (answer: SqlAnswer) => T | undefined): Promise<T> {
    if (this.#waiting >= SQL_LIMITS.waiting) throw tooMuch('questions', SQL_LIMITS.waiting);
    this.#waiting += 1;
    const turn = async (): Promise<T> => {
      try {
        if (this.#closed) throw closed();
        const result = pick(await this.#inTime(request));
        if (result === undefined) throw new EdgeError('EDGE_INTERNAL', 'an answer of another kind');
        return result;
      } finally {
        this.#waiting -= 1;
      }
    };
    const asked = this.#last.then(turn);
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  async #inTime(request: SqlRequest): Promise<SqlAnswer> {
    const { clock, timeMaxMs = SQL_LIMITS.timeMs } = this.#options;
    this.#late = false;
    const timer = clock.setTimer('sql-view', timeMaxMs, () => {
      this.#late = true;
      void this.#stop();
    });
    try {
      await this.#load();
      return await this.#send(request);
    } catch (thrown) {
      // SQLite may be out of memory or half loaded: the next question starts anew.
      if (this.#worker !== undefined && !(thrown instanceof EdgeError)) await this.#stop();
      throw this.#isLate() ? timedOut(timeMaxMs) : EdgeError.from(thrown);
    } finally {
      timer.cancel();
    }
  }

  #isLate(): boolean {
    return this.#late;
  }

  /** All tables are copied in one turn, so that they belong together; rows never change. */
  async #load(): Promise<void> {
    const { commits } = this.#store.stats();
    if (this.#worker !== undefined && this.#loaded === commits) return;
    const copies = this.#tables.map(({ name }) => ({ name, rows: [...this.#store.rows(name)] }));
    this.#loaded = undefined;
    await this.#send({ kind: 'begin', tables: this.#tables });
    for (const { name, rows } of copies) {
      for (let start = 0; start < rows.length; start += SQL_LIMITS.chunkRows) {
        const chunk = JSON.stringify(rows.slice(start, start + SQL_LIMITS.chunkRows));
        await this.#send({ kind: 'load', table: name, rows: chunk });
      }
    }
    this.#loaded = commits;
  }

  #send(request: SqlRequest): Promise<SqlAnswer> {
    if (this.#closed || this.#late) return Promise.reject(closed());
    const worker = (this.#worker ??= new Worker(new URL('./sql-worker.js', import.meta.url)));
    return new Promise((resolve, reject) => {
      const ended = (thrown: unknown): void => {
        settle();
        reject(EdgeError.from(thrown));
      };
      const exited = (): void => ended(closed());
      const answered = (answer: SqlAnswer): void => {
        settle();
        if (answer.kind === 'error') reject(wrongSql(answer.message, answer.refused));
        else resolve(answer);
      };
      const settle = (): void => {
        worker.off('message', answered).off('error', ended).off('exit', exited);
      };
      worker.once('message', answered).once('error', ended).once('exit', exited);
      worker.postMessage(request);
    });
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#loaded = undefined;
    await worker?.terminate();
  }
}

function checkIdentifier(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(name)) return;
  throw new EdgeError('EDGE_INTERNAL', `not a name for a column or table: ${name}`);
}

function wrongSql(message: string, refused: boolean): EdgeError {
  return new EdgeError('EDGE_USAGE', message, {
    hint: refused
      ? 'This is a copy to read from: ask with one SELECT.'
      : 'SELECT name, sql FROM sqlite_schema shows the tables and columns.',
  });
}

function timedOut(timeMaxMs: number): EdgeError {
  return new EdgeError('EDGE_TIMEOUT', `the question took more than ${timeMaxMs} ms`, {
    hint: 'Ask for less: a LIMIT, a WHERE on key, or no join without a condition.',
  });
}

function tooMuch(what: string, limit: number): EdgeError {
  return new EdgeError('EDGE_LIMIT', `more than ${limit} ${what}`, { hint: 'Ask for less.' });
}

function closed(): EdgeError {
  return new EdgeError('EDGE_USAGE', 'the view is closed');
}
