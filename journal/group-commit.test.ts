import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { CrashModel, type ModelTables, settleStorage, stateOf } from './crash-model.js';
import { openStore } from './journal-store.js';
import { JOURNAL_LIMITS } from './limits.js';
import { MemoryStorage } from './memory-storage.js';

const put = (key: string, value = '1') => ({ table: 'twins', key, row: { value } }) as const;

async function open(storage: MemoryStorage, more: object = {}) {
  const model = new CrashModel();
  const options = { clock: model.clock, random: seededRandom(1), log: silentLog, ...more };
  return { model, store: await openStore<ModelTables>(storage, options) };
}

test('1,000 commits of one turn take at most 3 syncs', async (t) => {
  const { store } = await open(new MemoryStorage(), { journalBytes: 1024 * 1024 });
  const before = store.stats();
  await Promise.all(
    Array.from({ length: 1_000 }, (_, nth) => store.commit([put(`k${nth}`, 'x'.repeat(150))])),
  );
  const after = store.stats();
  t.true(after.syncs - before.syncs <= 3, `${after.syncs - before.syncs} syncs`);
  t.is(after.commits - before.commits, 1_000);
  t.true(after.bytesWritten - before.bytesWritten < 220_000);
});

test('a small commit touches one block of 4 KiB', async (t) => {
  const { store } = await open(new MemoryStorage(), { journalBytes: 1024 * 1024 });
  const before = store.stats().blocksWritten;
  for (let nth = 0; nth < 200; nth += 1) await store.commit([put(`k${nth}`, 'x'.repeat(100))]);
  const blocks = store.stats().blocksWritten - before;
  t.true(blocks < 210, `${blocks} blocks for 200 syncs`);
});

test('commits that arrive during a sync share the next one, and resolve in order', async (t) => {
  const storage = new MemoryStorage();
  const { store } = await open(storage);
  const resolved: number[] = [];
  const first = store.commit([put('a')]).then(() => resolved.push(0));
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
  const { syncs } = store.stats();
  const rest = Array.from({ length: 50 }, (_, nth) =>
    store.commit([put(`b${nth}`)]).then(() => resolved.push(nth + 1)),
  );
  await Promise.all([first, ...rest]);
  t.is(store.stats().syncs - syncs, 2);
  t.deepEqual(
    resolved,
    Array.from({ length: 51 }, (_, nth) => nth),
  );
});

test('an empty list waits for all commits before it and writes nothing', async (t) => {
  const { store } = await open(new MemoryStorage());
  const { bytesWritten } = store.stats();
  await store.commit([]);
  t.is(store.stats().bytesWritten, bytesWritten);
  let durable = false;
  void store.commit([put('a')]).then(() => (durable = true));
  t.is(store.get('twins', 'a')?.value, '1', 'in memory at once');
  t.false(durable);
  await store.commit([]);
  t.true(durable);
});

test('a window gathers commits until it ends, or until someone waits for an empty list', async (t) => {
  const storage = new MemoryStorage();
  const { model, store } = await open(storage, { windowMs: 20 });
  const { syncs } = store.stats();
  let durable = 0;
  for (let nth = 0; nth < 10; nth += 1) {
    void store.commit([put(`k${nth}`)]).then(() => (durable += 1));
    model.clock.advance(1);
    await settleStorage(storage);
  }
  t.is(durable, 0);
  model.clock.advance(20);
  await settleStorage(storage);
  t.is(durable, 10);
  t.is(store.stats().syncs - syncs, 1);

  void store.commit([put('urgent')]).then(() => (durable += 1));
  await store.commit([]);
  t.is(durable, 11);

  void store.commit([put('late')]).then(() => (durable += 1));
  await store.close();
  t.is(durable, 12, 'closing waits for no window');
});

test('what exceeds a limit is refused, leaves no trace and is counted', async (t) => {
  const storage = new MemoryStorage();
  const { store } = await open(storage, {
    journalBytes: 64 * 1024,
    rowsMax: 3,
    waitingBytesMax: 12_000,
  });
  const refused = (run: () => Promise<void>): void => {
    const error = t.throws<EdgeError>(() => void run());
    t.is(error.code, 'EDGE_LIMIT');
    t.truthy(error.hint);
  };
  refused(() => store.commit([put('big', 'x'.repeat(16 * 1024))]));
  const rows = JOURNAL_LIMITS.transactionRows + 1;
  refused(() => store.commit(Array.from({ length: rows }, () => put('a'))));
  await store.commit([put('a'), put('b'), put('c')]);
  refused(() => store.commit([put('d')]));
  await store.commit([put('a', '2'), put('b', '2')]);
  await store.commit([{ table: 'twins', key: 'c', row: null }]);
  await store.commit([put('d')]);
  const state = stateOf(store);
  void store.commit([put('a', 'x'.repeat(7_000))]);
  refused(() => store.commit([put('b', 'y'.repeat(7_000))]));
  t.is(store.get('twins', 'b')?.value, '2');
  t.is(store.stats().refused, 4);
  t.not(stateOf(store), state);
  await store.commit([]);
});

test('a closed store refuses, a reopened one shows every row in its order', async (t) => {
  const storage = new MemoryStorage();
  const { store } = await open(storage);
  const keys = ['z', 'a', 'm'];
  for (const key of keys) void store.commit([put(key)]);
  void store.commit([{ table: 'twins', key: 'z', row: null }]);
  void store.commit([put('z', 'again')]);
  await store.close();
  await t.throwsAsync<EdgeError>(store.commit([put('x')]), { message: /closed/ });
  t.is(store.get('twins', 'x'), undefined);
  const { store: later } = await open(storage);
  t.deepEqual([...later.rows('twins').keys()], ['a', 'm', 'z']);
  t.is(later.get('twins', 'z')?.value, 'again');
});

test('an ignored refusal is no unhandled rejection', async (t) => {
  const storage = new MemoryStorage();
  const { store } = await open(storage);
  storage.fail({ nth: 1, fault: 'EIO', sticky: true });
  void store.commit([put('a')]);
  await settleStorage(storage);
  void store.commit([put('b')]);
  void store.commit([]);
  await settleStorage(storage);
  t.is(store.stats().alarm?.code, 'EDGE_STORAGE');
});

test('names that JavaScript objects are built of are ordinary keys', async (t) => {
  const storage = new MemoryStorage();
  const { store } = await open(storage);
  for (const key of ['__proto__', 'constructor', 'toString', '']) await store.commit([put(key)]);
  const { store: later } = await open(storage.kill());
  t.deepEqual([...later.rows('twins').keys()], ['__proto__', 'constructor', 'toString', '']);
  t.is(later.get('twins', 'hasOwnProperty'), undefined);
});
