import { type Random, seededRandom } from '#protocol/random.js';
import { CrashModel, randomPuts, settleStorage } from './crash-model.js';
import { untilDurable } from './fault-trials.js';
import { type FaultPlan, MemoryStorage } from './memory-storage.js';
import { Disk, type DiskOperation } from './power-cut.js';

interface Step {
  readonly operation: DiskOperation;
  readonly acknowledged: number;
  readonly committed: number;
}

interface Life {
  readonly steps: readonly Step[];
  /** Steps before the storage failed. */
  readonly before: number;
  readonly states: readonly string[];
  readonly alarm: boolean;
}

export interface RotationFigures {
  /** States of the disk that were opened. */
  states: number;
  alarms: number;
  wrong: string | undefined;
}

/** The ends of what a cut may leave: nothing, and everything, of what was not synced. */
const CUTS: readonly (() => Random)[] = [
  () => ({ unit: () => 0, bytes: (length) => new Uint8Array(length) }),
  () => ({ unit: () => 0.3, bytes: (length) => new Uint8Array(length) }),
];

/**
 * Test fake: a call of the storage fails while the journal goes on in a new segment; then the power
 * is cut after each operation of the way back, and again after each operation of the opening that
 * follows, and the folder must open with what was acknowledged.
 */
export async function rotationTrial(plan: FaultPlan): Promise<RotationFigures> {
  const figures: RotationFigures = { states: 0, alarms: 0, wrong: undefined };
  const life = await failedRotation(plan);
  if (life.alarm) figures.alarms += 1;
  const disk = new Disk();
  for (const [nth, step] of life.steps.entries()) {
    disk.apply(step.operation);
    if (nth + 1 < life.before) continue;
    for (const [cut, how] of CUTS.entries()) {
      const left = (): Disk => disk.crash(how());
      const wrong = await openedAndCut(left, life, step, figures);
      if (wrong === undefined) continue;
      figures.wrong = `cut ${cut} after operation ${nth - life.before} (${step.operation.kind}): ${wrong}`;
      return figures;
    }
  }
  return figures;
}

/** Commits up to the end of a segment, then some more while the storage fails by `plan`. */
async function failedRotation(plan: FaultPlan): Promise<Life> {
  const model = new CrashModel();
  const random = seededRandom(7);
  const steps: Step[] = [];
  const storage = new MemoryStorage(undefined, {
    trace: (operation) => {
      const { acknowledged } = model;
      steps.push({ operation, acknowledged, committed: model.states.length - 1 });
    },
  });
  const store = await model.open(storage, 1);
  await settleStorage(storage);
  const rotation = await commitsBeforeRotation();
  for (let nth = 0; nth < rotation; nth += 1) await model.commit(store, randomPuts(random));
  await settleStorage(storage);
  const before = steps.length;
  storage.fail(plan);
  await model.commit(store, randomPuts(random));
  await settleStorage(storage);
  const alarm = store.stats().alarm !== undefined;
  storage.heal();
  await untilDurable(model, storage, store);
  await model.commit(store, randomPuts(random));
  return { steps, before, states: model.states, alarm };
}

/** Commits of `failedRotation` after which the next one begins the second segment. */
async function commitsBeforeRotation(): Promise<number> {
  const model = new CrashModel();
  const random = seededRandom(7);
  const storage = new MemoryStorage();
  const store = await model.open(storage, 1);
  const segments = async (): Promise<number> =>
    (await storage.list()).filter((name) => /^journal-\d+$/.test(name)).length;
  const first = await segments();
  for (let commits = 0; ; commits += 1) {
    await model.commit(store, randomPuts(random));
    if ((await segments()) > first) return commits;
  }
}

async function openedAndCut(
  left: () => Disk,
  life: Life,
  step: Step,
  figures: RotationFigures,
): Promise<string | undefined> {
  const operations: DiskOperation[] = [];
  const trace = (operation: DiskOperation): void => void operations.push(operation);
  const storage = new MemoryStorage(left(), { trace });
  const wrong = await openedOn(storage, life, step);
  if (wrong !== undefined) return wrong;
  await settleStorage(storage);
  const disk = left();
  for (const [nth, operation] of operations.entries()) {
    disk.apply(operation);
    for (const how of CUTS) {
      figures.states += 1;
      const again = await openedOn(new MemoryStorage(disk.crash(how())), life, step);
      if (again !== undefined) return `then after ${nth} (${operation.kind}): ${again}`;
    }
  }
  return undefined;
}

async function openedOn(
  storage: MemoryStorage,
  life: Life,
  step: Step,
): Promise<string | undefined> {
  const model = new CrashModel();
  model.states = life.states.slice(0, step.committed + 1);
  model.acknowledged = step.acknowledged;
  try {
    return model.reopened(await model.open(storage, 3));
  } catch (thrown) {
    return String(thrown);
  }
}
