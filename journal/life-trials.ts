import { type Random, seededRandom } from '#protocol/random.js';
import {
  CrashModel,
  MODEL_SEGMENT_BYTES,
  type ModelTables,
  randomPuts,
  settle,
  settleStorage,
} from './crash-model.js';
import { type FaultPlan, MemoryStorage, STORAGE_CHANGES } from './memory-storage.js';
import type { Store } from './store.js';

/** A life of a process: it commits until the power goes at action `cutAt` of the storage. */
export interface Lifetime {
  readonly cutAt: number;
  readonly commits: number;
  /** Only the process dies: what it wrote is read back even where it never reached the disk. */
  readonly killed?: boolean;
  readonly failure?: Omit<FaultPlan, 'fault'>;
}

/** Lives of one folder, one after another, and the seed of what they do. */
export type Lives = readonly [readonly Lifetime[], number];

/** One life. Gives why what it shows at its opening is wrong. */
export async function live(
  model: CrashModel,
  storage: MemoryStorage,
  random: Random,
  commits: number,
  isCut: () => boolean,
): Promise<{ readonly wrong: string | undefined; readonly alarm: boolean }> {
  const opening = model.open(storage, Math.floor(random.unit() * 2 ** 31));
  let store: Store<ModelTables> | undefined;
  let failure: unknown;
  opening.then(
    (opened) => (store = opened),
    (thrown: unknown) => (failure = thrown),
  );
  await settleStorage(storage);
  if (store === undefined) {
    const wrong = isCut() ? undefined : `the store does not open: ${String(failure)}`;
    return { wrong, alarm: false };
  }
  const wrong = model.reopened(store);
  if (wrong !== undefined) return { wrong, alarm: false };
  const pace = random.unit();
  let alarm = false;
  for (let nth = 0; nth < commits && !isCut(); nth += 1) {
    const durable = model.commit(store, randomPuts(random));
    const pause = random.unit();
    if (pause < pace * 0.3) await Promise.race([durable, settle()]);
    else if (pause < pace * 0.5) await settle();
    else
      for (let turn = Math.floor(random.unit() * 12); turn > 0; turn -= 1) await Promise.resolve();
    if (store.stats().alarm === undefined) continue;
    alarm = true;
    model.clock.advance(500);
  }
  await settleStorage(storage);
  return { wrong: undefined, alarm };
}

export interface LifeFigures {
  /** Lives that reached a third segment. */
  rotations: number;
  /** Lives that went into alarm. */
  alarms: number;
}

/** Why a folder does not hold what it should after `lives`, or undefined. */
export async function livesTrial(
  [lives, seed]: Lives,
  figures: LifeFigures,
): Promise<string | undefined> {
  const random = seededRandom(seed);
  const model = new CrashModel();
  let storage = new MemoryStorage();
  for (const { cutAt, commits, killed, failure } of lives) {
    let cut = false;
    let actions = 0;
    storage = storage.kill({
      before: () => {
        actions += 1;
        if (actions < cutAt) return undefined;
        cut = true;
        return new Promise(() => undefined);
      },
    });
    if (failure !== undefined) storage.fail({ ...failure, fault: 'EIO' });
    const { wrong, alarm } = await live(model, storage, random, commits, () => cut);
    if (wrong !== undefined) return wrong;
    if (alarm) figures.alarms += 1;
    if (storage.disk.names().some((name) => name >= 'journal-0000000003')) figures.rotations += 1;
    if (killed !== true) storage = storage.crash(random);
  }
  return wrongAtLast(model, storage.crash(random), seed);
}

async function wrongAtLast(
  model: CrashModel,
  storage: MemoryStorage,
  seed: number,
): Promise<string | undefined> {
  const last = await model.open(storage, seed);
  const wrong = model.reopened(last);
  if (wrong !== undefined) return wrong;
  const bytes = last.stats().journalBytes;
  if (bytes > 6 * MODEL_SEGMENT_BYTES) return `${bytes} bytes without snapshot`;
  await last.close();
  return undefined;
}

/** As many lives as a property test draws, for runs too long to be shrunk. */
export function randomLives(random: Random): Lives {
  const below = (limit: number): number => Math.floor(random.unit() * limit);
  const failures = [...STORAGE_CHANGES.map((action) => [action]), STORAGE_CHANGES];
  const lives = Array.from({ length: 1 + below(5) }, () => ({
    ...{ cutAt: below(400), commits: below(160), killed: random.unit() < 0.5 },
    ...(random.unit() < 0.3
      ? undefined
      : {
          failure: {
            ...{ nth: 1 + below(40), actions: failures[below(failures.length)] ?? STORAGE_CHANGES },
            ...{ done: random.unit() < 0.3, sticky: random.unit() < 0.3 },
          },
        }),
  }));
  return [lives, below(2 ** 31)];
}
