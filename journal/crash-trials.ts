import { type Random, seededRandom } from '#protocol/random.js';
import { CrashModel, randomPuts, stateOf } from './crash-model.js';
import { type CrashStateLimits, crashStates } from './crash-states.js';
import { segmentNumbers } from './file-names.js';
import { MemoryStorage } from './memory-storage.js';
import { Disk, type DiskOperation } from './power-cut.js';

/** What a recorded run and its crash states came to. */
export interface CrashFigures {
  boundaries: number;
  /** Of these, such that every combination of what was unsynced was tried. */
  completeBoundaries: number;
  states: number;
  /** States that lived on, were written to and cut again. */
  livedOn: number;
  segments: number;
  snapshots: number;
  wrong: string | undefined;
}

export interface CrashRun {
  readonly commits: number;
  readonly seed: number;
  /** Share of the commits that are waited for before the next. */
  readonly pace: number;
  /** Rows that stand before the run: more make snapshots of more than one write. */
  readonly rows?: number;
  readonly limits: CrashStateLimits;
  readonly livesOnEvery: number;
}

interface Step {
  readonly operation: DiskOperation;
  /** Commits acknowledged, and commits made, when it was done. */
  readonly acknowledged: number;
  readonly committed: number;
}

const lose: Random = { unit: () => 0, bytes: (length) => new Uint8Array(length) };

/** Test fake: records a run and opens every state that a power cut may leave after each operation. */
export async function crashRun(run: CrashRun): Promise<CrashFigures> {
  const { steps, states, snapshots } = await record(run);
  const random = seededRandom(run.seed + 1);
  const disk = new Disk();
  const figures: CrashFigures = {
    ...{ boundaries: steps.length, completeBoundaries: 0, states: 0, livedOn: 0 },
    ...{ segments: 0, snapshots, wrong: undefined },
  };
  for (const [at, step] of steps.entries()) {
    disk.apply(step.operation);
    let complete = true;
    for (const cut of crashStates(disk, random, run.limits)) {
      complete = cut.complete;
      figures.states += 1;
      const model = new CrashModel();
      model.states = states.slice(0, step.committed + 1);
      model.acknowledged = step.acknowledged;
      const livesOn = figures.states % run.livesOnEvery === 0;
      if (livesOn) figures.livedOn += 1;
      const wrong = await openAfter(new MemoryStorage(disk.cut(cut)), model, at, livesOn, random);
      if (wrong !== undefined) {
        const { links, sectors } = cut;
        figures.wrong = `operation ${at} (${step.operation.kind}), ${JSON.stringify({ links, sectors })}: ${wrong}`;
        return figures;
      }
    }
    if (complete) figures.completeBoundaries += 1;
  }
  figures.segments = segmentNumbers(disk.names()).at(-1) ?? 0;
  return figures;
}

async function record(run: CrashRun) {
  const steps: Step[] = [];
  const model = new CrashModel();
  const random = seededRandom(run.seed);
  const storage = new MemoryStorage(undefined, {
    trace: (operation) => {
      const { acknowledged } = model;
      steps.push({ operation, acknowledged, committed: model.states.length - 1 });
    },
  });
  const store = await model.open(storage, run.seed);
  for (let nth = 0; nth < (run.rows ?? 0); nth += 1) {
    const row = { value: 'x'.repeat(200) };
    void model.commit(store, [{ table: 'outbox', key: `row${nth}`, row }]);
  }
  for (let nth = 0; nth < run.commits; nth += 1) {
    const durable = model.commit(store, randomPuts(random));
    if (random.unit() < run.pace) await durable;
  }
  await store.commit([]);
  const { snapshots } = store.stats();
  await store.close();
  return { steps, states: model.states, snapshots };
}

/** Why what a cut left is wrong. */
async function openAfter(
  storage: MemoryStorage,
  model: CrashModel,
  at: number,
  livesOn: boolean,
  random: Random,
): Promise<string | undefined> {
  const store = await model.open(storage, at);
  const wrong = model.reopened(store);
  if (wrong !== undefined || !livesOn) return wrong;
  for (let nth = 0; nth < 120; nth += 1) await model.commit(store, randomPuts(random));
  const state = stateOf(store);
  const later = await model.open(storage.crash(lose), at);
  return stateOf(later) === state ? undefined : 'lost later commits';
}
