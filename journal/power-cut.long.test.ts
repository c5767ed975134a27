import test from 'ava';
import { type Random, seededRandom } from '#protocol/random.js';
import { CrashModel, randomPuts, stateOf } from './crash-model.js';
import { MemoryStorage } from './memory-storage.js';
import { Disk, type DiskOperation } from './power-cut.js';

/** Sampled states of the disk at each boundary: all lost, all kept and seeded subsets. */
const SUBSETS = 12;
/** Of these, every so many live on for a while: what a cut leaves must also bear new commits. */
const LIVES_ON_EVERY = 40;

const lose: Random = { unit: () => 0, bytes: (length) => new Uint8Array(length) };
const keep: Random = { unit: () => 0.21, bytes: (length) => new Uint8Array(length) };

interface Step {
  readonly operation: DiskOperation;
  /** Commits acknowledged, and commits made, when it was done. */
  readonly acknowledged: number;
  readonly committed: number;
}

async function record(commits: number): Promise<{ steps: Step[]; states: string[] }> {
  const steps: Step[] = [];
  const model = new CrashModel();
  const random = seededRandom(2026);
  const storage = new MemoryStorage(undefined, {
    trace: (operation) => {
      const { acknowledged } = model;
      steps.push({ operation, acknowledged, committed: model.states.length - 1 });
    },
  });
  const store = await model.open(storage, 1);
  for (let nth = 0; nth < commits; nth += 1) {
    const durable = model.commit(store, randomPuts(random));
    if (random.unit() < 0.6) await durable;
  }
  await store.close();
  return { steps, states: model.states };
}

test('1,000 transactions: every boundary of an operation opens to a right state after a power cut', async (t) => {
  const { steps, states } = await record(1_000);
  const random = seededRandom(7);
  const disk = new Disk();
  let opened = 0;
  let livedOn = 0;
  for (const [at, step] of steps.entries()) {
    disk.apply(step.operation);
    for (let subset = 0; subset < SUBSETS; subset += 1) {
      const seed = [lose, keep][subset] ?? random;
      const storage = new MemoryStorage(disk.crash(seed));
      const model = new CrashModel();
      model.states = states.slice(0, step.committed + 1);
      model.acknowledged = step.acknowledged;
      const store = await model.open(storage, at);
      opened += 1;
      const wrong = model.reopened(store);
      if (wrong !== undefined) {
        t.fail(`operation ${at} (${step.operation.kind}), subset ${subset}: ${wrong}`);
        return;
      }
      if (opened % LIVES_ON_EVERY !== 0) continue;
      livedOn += 1;
      for (let nth = 0; nth < 120; nth += 1) await model.commit(store, randomPuts(random));
      const state = stateOf(store);
      const later = await model.open(storage.crash(lose), at);
      if (stateOf(later) !== state) {
        t.fail(`operation ${at} (${step.operation.kind}), subset ${subset}: lost later commits`);
        return;
      }
    }
  }
  t.log(`${steps.length} boundaries, ${opened} states opened, ${livedOn} lived on`);
  t.true(steps.length > 1_500);
});
