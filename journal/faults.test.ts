import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { EdgeError } from '#protocol/errors.js';
import { CrashModel, randomPuts, settleStorage, stateOf } from './crash-model.js';
import { MemoryStorage, type StorageAction, type StorageFault } from './memory-storage.js';

const FAULTS: readonly StorageFault[] = ['ENOSPC', 'EIO', 'EROFS', 'EMFILE'];

/** Lets the store's timers fire until durability is back; gives the simulated time it took. */
async function untilDurable(
  model: CrashModel,
  storage: MemoryStorage,
  isDurable: () => boolean,
): Promise<number> {
  const startMs = model.clock.now();
  await settleStorage(storage);
  while (!isDurable()) {
    const nextMs = model.clock.nextAtMs();
    if (nextMs === undefined) throw new TypeError('in alarm, and nothing is planned');
    model.clock.advance(nextMs - model.clock.now());
    await settleStorage(storage);
  }
  return model.clock.now() - startMs;
}

for (const sticky of [false, true]) {
  const from = sticky ? 'from the N-th action on' : 'once at the N-th action';
  test(`a storage that fails ${from}, N = 1 to 50, loses nothing acknowledged and recovers unaided`, async (t) => {
    let alarms = 0;
    for (let nth = 1; nth <= 50; nth += 1) {
      for (const fault of FAULTS) {
        const seed = nth * 10 + FAULTS.indexOf(fault);
        const random = seededRandom(seed);
        const model = new CrashModel();
        const storage = new MemoryStorage();
        const store = await model.open(storage, seed);
        storage.fail({ nth, fault, sticky });
        for (let commit = 0; commit < 120; commit += 1) {
          void model.commit(store, randomPuts(random));
          if (random.unit() < 0.5) await settleStorage(storage);
        }
        await settleStorage(storage);
        if (store.stats().alarm !== undefined) alarms += 1;
        // A cut now: the refused commits may be there, the acknowledged ones must be.
        const cut = new MemoryStorage(storage.disk.crash(random));
        const after = new CrashModel();
        after.states = model.states;
        after.acknowledged = model.acknowledged;
        t.is(after.reopened(await after.open(cut, seed + 1)), undefined, `${fault} at ${nth}`);

        storage.heal();
        const tookMs = await untilDurable(model, storage, () => store.stats().alarm === undefined);
        if (fault === 'ENOSPC') t.true(tookMs <= 5_000, `${tookMs} ms after space returned`);
        await store.commit([]);
        const durable = stateOf(store);
        const again = new CrashModel();
        const later = await again.open(storage.crash(random), seed + 2);
        t.is(stateOf(later), durable, `${fault} at ${nth}: rows refused before are durable now`);
      }
    }
    t.true(alarms > (sticky ? 100 : 20), `only ${alarms} alarms`);
  });
}

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
  await untilDurable(model, storage, () => store.stats().alarm === undefined);
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
  await untilDurable(model, storage, () => store.stats().alarm === undefined);
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
  await untilDurable(model, storage, () => store.stats().alarm === undefined);
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
