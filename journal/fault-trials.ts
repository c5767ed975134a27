import { EdgeError } from '#protocol/errors.js';
import { type Random, seededRandom } from '#protocol/random.js';
import { CrashModel, type ModelTables, randomPuts, settleStorage, stateOf } from './crash-model.js';
import { type FaultPlan, MemoryStorage, type StorageAction } from './memory-storage.js';
import type { Store } from './store.js';

/** Everything that a program asks of its storage: SQLite's way of counting faults. */
export const EVERY_ACTION: readonly StorageAction[] = [
  ...(['list', 'read', 'open', 'write', 'sync', 'rename', 'remove', 'syncFolder'] as const),
];

/** When the plan begins to count, and how the life ends that met the fault. */
export interface FaultWay {
  /** `creating` in an empty folder, `opening` one with rows, or once the store is open. */
  readonly from: 'creating' | 'opening' | 'open';
  /** The process ends while the storage fails, and another one goes on with it. */
  readonly killed: boolean;
}

export const WAYS: readonly FaultWay[] = (['creating', 'opening', 'open'] as const).flatMap(
  (from) => [
    { from, killed: false },
    { from, killed: true },
  ],
);

const COMMITS = 160;
/** A storage that is well again must be used again within this simulated time. */
const RECOVERY_MS_MAX = 31_000;

export interface FaultTrial {
  readonly alarm: boolean;
  /** Why the trial is a failure. */
  readonly wrong: string | undefined;
}

/**
 * Test fake: a life whose storage fails by `plan`, a power cut while it does, and what comes after.
 */
export async function faultTrial(
  plan: FaultPlan,
  seed: number,
  { from, killed }: FaultWay,
): Promise<FaultTrial> {
  const random = seededRandom(seed);
  const model = new CrashModel();
  let storage = new MemoryStorage();
  if (from === 'opening') {
    const store = await model.open(storage, seed);
    for (let nth = 0; nth < COMMITS; nth += 1) await model.commit(store, randomPuts(random));
    storage = storage.crash(random);
  }
  if (from !== 'open') storage.fail(plan);
  const store = await openedOrRefused(model, storage, seed);
  if (store === undefined) return afterRefusal(model, storage, seed);
  const shown = model.reopened(store);
  if (shown !== undefined) return { alarm: false, wrong: shown };
  if (from === 'open') storage.fail(plan);
  let lie: string | undefined;
  for (let commit = 0; commit < COMMITS; commit += 1) {
    const puts = randomPuts(random);
    void model.commit(store, puts, () => {
      if (store.stats().alarm === undefined)
        lie ??= `commit ${commit} was refused without an alarm`;
    });
    if (store.stats().alarm !== undefined && random.unit() < 0.2) model.clock.advance(500);
    if (random.unit() < 0.5) await settleStorage(storage);
  }
  await settleStorage(storage);
  const alarm = store.stats().alarm !== undefined;
  return { alarm, wrong: lie ?? (await afterFault(model, store, storage, seed, killed)) };
}

async function afterFault(
  model: CrashModel,
  store: Store<ModelTables>,
  storage: MemoryStorage,
  seed: number,
  killed: boolean,
): Promise<string | undefined> {
  const random = seededRandom(seed + 1);
  // A cut now: the refused commits may be there, the acknowledged ones must be.
  const cut = new CrashModel();
  cut.states = model.states;
  cut.acknowledged = model.acknowledged;
  const cutStore = await cut.open(new MemoryStorage(storage.disk.crash(random)), seed + 1);
  const wrong = cut.reopened(cutStore);
  if (wrong !== undefined) return `a cut while it fails: ${wrong}`;

  if (killed) return afterKill(model, storage, seed);
  storage.heal();
  const tookMs = await untilDurable(model, storage, store);
  if (tookMs > RECOVERY_MS_MAX) return `${tookMs} ms until durable again`;
  await store.commit([]);
  const state = stateOf(store);
  const later = await new CrashModel().open(storage.crash(random), seed + 2);
  return stateOf(later) === state ? undefined : 'rows refused before are not durable now';
}

/** The next process sees what never reached the disk, relies on it, and loses its power. */
async function afterKill(
  model: CrashModel,
  storage: MemoryStorage,
  seed: number,
): Promise<string | undefined> {
  const random = seededRandom(seed + 5);
  const killed = storage.kill();
  const store = await model.open(killed, seed + 5);
  const wrong = model.reopened(store);
  if (wrong !== undefined) return `after a kill while it fails: ${wrong}`;
  for (let nth = 0; nth < 20; nth += 1) await model.commit(store, randomPuts(random));
  const last = await model.open(killed.crash(lose), seed + 6);
  const lost = model.reopened(last);
  return lost === undefined ? undefined : `a kill while it fails, then a cut: ${lost}`;
}

/** Loses everything that is not synced. */
const lose: Random = { unit: () => 0, bytes: (length) => new Uint8Array(length) };

/** Undefined when the storage cannot be read: that is said with the code for it. */
async function openedOrRefused(
  model: CrashModel,
  storage: MemoryStorage,
  seed: number,
): Promise<Store<ModelTables> | undefined> {
  try {
    return await model.open(storage, seed + 3);
  } catch (thrown) {
    if (thrown instanceof EdgeError && thrown.code === 'EDGE_STORAGE') return undefined;
    throw thrown;
  }
}

async function afterRefusal(
  model: CrashModel,
  storage: MemoryStorage,
  seed: number,
): Promise<FaultTrial> {
  storage.heal();
  const store = await model.open(storage.kill(), seed + 4);
  return { alarm: false, wrong: model.reopened(store) };
}

/** Lets the store's timers fire until durability is back; gives the simulated time it took. */
export async function untilDurable(
  model: CrashModel,
  storage: MemoryStorage,
  store: Store<ModelTables>,
): Promise<number> {
  const startMs = model.clock.now();
  await settleStorage(storage);
  while (store.stats().alarm !== undefined) {
    const nextMs = model.clock.nextAtMs();
    if (nextMs === undefined) throw new TypeError('in alarm, and nothing is planned');
    model.clock.advance(nextMs - model.clock.now());
    await settleStorage(storage);
  }
  return model.clock.now() - startMs;
}
