import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { EdgeError } from '#protocol/errors.js';
import { CrashModel, settleStorage } from './crash-model.js';
import { EVERY_ACTION, WAYS, faultTrial, untilDurable } from './fault-trials.js';
import {
  type FaultPlan,
  MemoryStorage,
  type StorageAction,
  type StorageFault,
} from './memory-storage.js';

const FAULTS: readonly StorageFault[] = ['ENOSPC', 'EIO', 'EROFS', 'EMFILE'];

for (const sticky of [false, true]) {
  const from = sticky ? 'from the N-th call on' : 'once at the N-th call';
  // faults.long.test.ts does all N and errors.
  test(`a storage that fails ${from} loses nothing acknowledged, says so and recovers unaided`, async (t) => {
    let alarms = 0;
    for (let nth = 1; nth <= 200; nth += 13) {
      for (const [index, fault] of FAULTS.entries()) {
        for (const way of WAYS) {
          const plan = { nth, fault, sticky, actions: EVERY_ACTION };
          const { alarm, wrong } = await faultTrial(plan, nth * 10 + index, way);
          t.is(wrong, undefined, `${fault} at ${nth}${JSON.stringify(way)}`);
          if (alarm) alarms += 1;
        }
      }
    }
    t.true(alarms > (sticky ? 100 : 0), `only ${alarms} alarms`);
  });
}

test('what was done and only said to have failed is not relied on', async (t) => {
  for (let nth = 1; nth <= 120; nth += 9) {
    for (const way of WAYS) {
      const plan: FaultPlan = { nth, fault: 'EIO', done: true };
      const { wrong } = await faultTrial(plan, nth, way);
      t.is(wrong, undefined, `call ${nth}`);
    }
  }
});

test('commits during an alarm are refused, kept in memory, and durable after it', async (t) => {
  const model = new CrashModel();
  const storage = new MemoryStorage();
  const store = await model.open(storage, 1);
  await store.commit([{ table: 'twins', key: 'a', row: { value: '1' } }]);
  storage.fail({ nth: 1, fault: 'EROFS', sticky: true });
  const refused = await t.throwsAsync<EdgeError>(
    store.commit([{ table: 'twins', key: 'b', row: { value: '2' } }]),
  );
  t.is(refused.code, 'EDGE_STORAGE');
  t.regex(refused.hint ?? '', /read-only/);
  await t.throwsAsync(store.commit([]), { message: /EROFS/ });
  t.is(store.get('twins', 'b')?.value, '2');
  t.is(store.stats().alarm?.code, 'EDGE_STORAGE');
  t.is(store.stats().refused, 0, 'the commit that met the failure was accepted before it');
  await t.throwsAsync(store.commit([{ table: 'twins', key: 'c', row: { value: '3' } }]));
  t.is(store.stats().refused, 1);
  storage.heal();
  await untilDurable(model, storage, store);
  const later = await model.open(storage.crash(seededRandom(3)), 2);
  t.deepEqual([...later.rows('twins').keys()], ['a', 'b', 'c']);
});

test('commits while the way out of an alarm is being made are durable behind its snapshot', async (t) => {
  const model = new CrashModel();
  let held: (() => void) | undefined;
  let holdAt: StorageAction | undefined;
  const storage = new MemoryStorage(undefined, {
    before: (action) => {
      if (action !== holdAt) return undefined;
      holdAt = undefined;
      return new Promise((resolve) => (held = resolve));
    },
  });
  const store = await model.open(storage, 1);
  storage.fail({ nth: 1, fault: 'EIO' });
  await t.throwsAsync(store.commit([{ table: 'outbox', key: 'a', row: { value: '1' } }]));
  holdAt = 'sync';
  model.clock.advance(1_000);
  await settleStorage(storage);
  t.truthy(held, 'the new chain is being synced');
  const order = ['d', 'c', 'b'];
  for (const key of order) {
    await t.throwsAsync(store.commit([{ table: 'outbox', key, row: { value: key } }]));
  }
  await t.throwsAsync(store.commit([{ table: 'outbox', key: 'd', row: null }]));
  await t.throwsAsync(store.commit([{ table: 'outbox', key: 'd', row: { value: 'new' } }]));
  held?.();
  await settleStorage(storage);
  t.is(store.stats().alarm, undefined);
  await store.commit([]);
  const later = await model.open(storage.crash(seededRandom(3)), 2);
  t.deepEqual([...later.rows('outbox').keys()], ['a', 'c', 'b', 'd']);
});

test('a read-only storage opens in alarm with its rows, and writes again when it may', async (t) => {
  const model = new CrashModel();
  const first = new MemoryStorage();
  const before = await model.open(first, 1);
  await before.commit([{ table: 'twins', key: 'a', row: { value: '1' } }]);
  const storage = first.crash(seededRandom(1));
  storage.fail({ nth: 1, fault: 'EROFS', sticky: true });
  const store = await model.open(storage, 2);
  t.is(store.get('twins', 'a')?.value, '1');
  t.truthy(store.stats().alarm);
  storage.heal();
  await untilDurable(model, storage, store);
  await store.commit([{ table: 'twins', key: 'b', row: { value: '2' } }]);
});

test('a full disk stops snapshots before it stops the journal', async (t) => {
  const model = new CrashModel();
  const storage = new MemoryStorage();
  const store = await model.open(storage, 1);
  const value = 'x'.repeat(1_000);
  const fill = async (commits: number): Promise<void> => {
    for (let nth = 0; nth < commits; nth += 1) {
      await store.commit([{ table: 'twins', key: `k${nth % 4}`, row: { value } }]);
    }
    await settleStorage(storage);
  };
  await fill(40);
  const { snapshots } = store.stats();
  t.true(snapshots > 1);
  storage.fail({ nth: 1, fault: 'ENOSPC', sticky: true, growth: true });
  const error = await t.throwsAsync<EdgeError>(fill(60));
  t.is(error.code, 'EDGE_STORAGE');
  t.true(store.stats().commits > 50, 'the spare segment took more');
  t.truthy(store.stats().warning);
  storage.heal();
  await untilDurable(model, storage, store);
  t.is(store.stats().warning, undefined);
  await fill(40);
});

test('attempts at a failing storage become rarer', async (t) => {
  const model = new CrashModel();
  const storage = new MemoryStorage();
  const store = await model.open(storage, 1);
  storage.fail({ nth: 1, fault: 'EIO', sticky: true });
  await t.throwsAsync(store.commit([{ table: 'twins', key: 'a', row: { value: '1' } }]));
  const before = storage.actions;
  for (let second = 0; second < 3_600; second += 1) {
    model.clock.advance(1_000);
    await settleStorage(storage);
  }
  const attempts = storage.actions - before;
  t.true(attempts > 100 && attempts < 200, `${attempts} actions in an hour`);
});
