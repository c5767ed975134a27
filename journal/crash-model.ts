import { ManualClock } from '#protocol/manual-clock.js';
import { silentLog } from '#protocol/log.js';
import { type Random, seededRandom } from '#protocol/random.js';
import { openStore } from './journal-store.js';
import type { MemoryStorage } from './memory-storage.js';
import type { Storage } from './storage-port.js';
import type { Put, Store } from './store.js';

/** Test fake: two tables of any rows, and every state that a sequence of commits went through. */
export interface ModelTables {
  twins: { readonly value: string };
  outbox: { readonly value: string };
}

export type ModelPut = Put<ModelTables>;

export const MODEL_SEGMENT_BYTES = 16 * 1024;

export class CrashModel {
  /** The state after each commit, newest last; the first is that of the opening. */
  states: string[] = ['{}'];
  /** Index of the newest state that was acknowledged as durable. */
  acknowledged = 0;
  readonly clock = new ManualClock();

  open(storage: Storage, seed: number, windowMs = 0): Promise<Store<ModelTables>> {
    return openStore<ModelTables>(storage, {
      clock: this.clock,
      random: seededRandom(seed),
      log: silentLog,
      journalBytes: MODEL_SEGMENT_BYTES,
      windowMs,
    });
  }

  commit(
    store: Store<ModelTables>,
    puts: readonly ModelPut[],
    onRefusal: () => void = () => undefined,
  ): Promise<void> {
    const durable = store.commit(puts);
    const index = this.states.push(stateOf(store)) - 1;
    return durable.then(
      () => void (this.acknowledged = Math.max(this.acknowledged, index)),
      onRefusal,
    );
  }

  /** Why `store` is not what a restart may show, or undefined; then goes on from there. */
  reopened(store: Store<ModelTables>): string | undefined {
    const found = stateOf(store);
    const [damage] = store.stats().damage;
    if (damage !== undefined) return `taken for damage: ${damage.file} ${damage.message}`;
    const index = this.states.lastIndexOf(found);
    if (index < 0) return 'the state is none that the commits went through';
    if (index < this.acknowledged) {
      return `commit ${this.acknowledged} was acknowledged, the state is that of ${index}`;
    }
    if (store.stats().alarm === undefined) {
      this.states = [found];
      this.acknowledged = 0;
    } else {
      // What an opening in alarm shows is in memory only.
      this.states = this.states.slice(0, index + 1);
    }
    return undefined;
  }
}

/** All rows in order: the order of a table's rows is part of what is promised. */
export function stateOf(store: Store<ModelTables>): string {
  const twins = [...store.rows('twins')];
  const outbox = [...store.rows('outbox')];
  return twins.length + outbox.length === 0 ? '{}' : JSON.stringify({ twins, outbox });
}

export function randomPuts(random: Random): ModelPut[] {
  const count = 1 + Math.floor(random.unit() * 4);
  return Array.from({ length: count }, () => {
    const table = random.unit() < 0.7 ? 'twins' : 'outbox';
    const key = `k${Math.floor(random.unit() * 12)}`;
    if (random.unit() < 0.2) return { table, key, row: null };
    const length = Math.floor(random.unit() ** 3 * 400);
    return { table, key, row: { value: `${random.unit()}`.padEnd(length, '·é') } };
  });
}

/** Lets everything run that waits for microtasks only. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
}

/** Runs until `storage` has done nothing for a while: a storage in memory needs no real time. */
export async function settleStorage(storage: MemoryStorage): Promise<void> {
  for (let before = -1; before !== storage.actions;) {
    before = storage.actions;
    await settle();
  }
}
