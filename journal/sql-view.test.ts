import { stat, writeFile } from 'node:fs/promises';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { openStore } from './journal-store.js';
import { MemoryStorage } from './memory-storage.js';
import { openSqlView } from './sql-view.js';

interface Tables {
  twins: { readonly value: number | string; readonly quality?: string };
  outbox: { readonly bytes: number };
}

async function opened(clock = systemClock, timeMaxMs = 60_000) {
  const store = await openStore<Tables>(new MemoryStorage(), {
    clock,
    random: seededRandom(1),
    log: silentLog,
    journalBytes: 1024 * 1024,
  });
  const tables = { twins: ['value', 'quality'], outbox: [] };
  return { store, view: openSqlView(store, tables, { clock, timeMaxMs }) };
}

const put = (key: string, value: number | string) =>
  ({ table: 'twins', key, row: { value, quality: 'good' } }) as const;

test('rows can be asked for by key, field and JSON, as of now', async (t) => {
  const { store, view } = await opened();
  t.teardown(() => view.close());
  const puts = Array.from({ length: 1_200 }, (_, nth) => put(`meter-${nth}/power`, nth));
  await store.commit([...puts, { table: 'outbox', key: 'a', row: { bytes: 7 } }]);
  const sum = await view.query('SELECT count(*) AS n, sum(value) AS total FROM twins');
  t.deepEqual(sum, { columns: ['n', 'total'], rows: [[1_200, 719_400]], truncated: false });
  const one = await view.query(
    "SELECT value, row ->> '$.quality' FROM twins WHERE key = ? AND quality = 'good'",
    ['meter-7/power'],
  );
  t.deepEqual(one.rows, [[7, 'good']]);
  await store.commit([put('meter-7/power', 'text'), { table: 'outbox', key: 'a', row: null }]);
  const after = await view.query("SELECT value FROM twins WHERE key = 'meter-7/power'");
  t.deepEqual(after.rows, [['text']]);
  t.deepEqual((await view.query('SELECT count(*) FROM outbox')).rows, [[0]]);
});

test('answers are cut at a number of rows', async (t) => {
  const { store, view } = await opened();
  t.teardown(() => view.close());
  await store.commit(Array.from({ length: 20 }, (_, nth) => put(`k${nth}`, nth)));
  const some = await view.query('SELECT key FROM twins ORDER BY rowid', [], { rowsMax: 3 });
  t.deepEqual(some.rows, [['k0'], ['k1'], ['k2']]);
  t.true(some.truncated);
  const all = await view.query('SELECT key FROM twins', [], { rowsMax: 20 });
  t.false(all.truncated);
  const wide = await view.query("SELECT printf('%.*c', 3000000, 'x') FROM twins");
  t.is(wide.rows.length, 1, 'and at a number of bytes');
});

test('only reading is possible', async (t) => {
  const { store, view } = await opened();
  t.teardown(() => view.close());
  await store.commit([put('a', 1)]);
  const refused = [
    'DELETE FROM twins',
    "INSERT INTO twins (key) VALUES ('x')",
    'PRAGMA query_only = 0',
    'SELECT 1; DELETE FROM twins',
    '/* SELECT */ DROP TABLE twins',
    '-- SELECT\nDROP TABLE twins',
    "WITH x AS (SELECT 1) INSERT INTO twins (key) SELECT 'y' FROM x",
    "ATTACH 'other.db' AS other",
    'SELEC 1',
    'SELECT * FROM nothing',
    '',
  ];
  for (const sql of refused) {
    const error = await t.throwsAsync<EdgeError>(view.query(sql), undefined, sql);
    t.is(error.code, 'EDGE_USAGE', sql);
    t.truthy(error.hint);
  }
  t.deepEqual((await view.query('/* all */ SELECT key, value FROM twins; -- end')).rows, [
    ['a', 1],
  ]);
});

test('a question that never ends is stopped, and the next one is answered', async (t) => {
  const clock = new ManualClock();
  const { store, view } = await opened(clock, 1_000);
  t.teardown(() => view.close());
  await store.commit([put('a', 1)]);
  await view.query('SELECT 1');
  const endless = view.query(
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n',
  );
  // Turns of the event loop: the worker has it by then, and would not ever answer.
  for (let turn = 0; turn < 20; turn += 1) await stat('.');
  clock.advance(1_000);
  await t.throwsAsync(endless, { code: 'EDGE_TIMEOUT' });
  t.deepEqual((await view.query('SELECT value FROM twins')).rows, [[1]]);
});

test('a question cannot take the machine’s memory', async (t) => {
  const { view } = await opened();
  t.teardown(() => view.close());
  await t.throwsAsync(view.query('SELECT length(hex(zeroblob(200000000)))'), {
    message: /memory|big/,
  });
  t.deepEqual((await view.query('SELECT 1')).rows, [[1]]);
});

test('the image is a database file', async (t) => {
  const { store, view } = await opened();
  await store.commit([put('a', 1)]);
  const image = await view.exportImage();
  t.is(Buffer.from(image.subarray(0, 15)).toString(), 'SQLite format 3');
  await view.close();
  await t.throwsAsync(view.query('SELECT 1'), { message: /closed/ });
  await t.notThrowsAsync(writeFile('/dev/null', image));
});
