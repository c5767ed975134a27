import test from 'ava';
import fc from 'fast-check';
import { type Random, seededRandom } from '#protocol/random.js';
import {
  CrashModel,
  MODEL_SEGMENT_BYTES,
  type ModelTables,
  randomPuts,
  settle,
  settleStorage,
} from './crash-model.js';
import { MemoryStorage } from './memory-storage.js';
import type { Store } from './store.js';

/** One life of a process: random commits until the power goes at action `cutAt` of the storage. */
async function live(
  model: CrashModel,
  storage: MemoryStorage,
  random: Random,
  commits: number,
  isCut: () => boolean,
): Promise<string | undefined> {
  const opening = model.open(storage, Math.floor(random.unit() * 2 ** 31));
  let store: Store<ModelTables> | undefined;
  void opening.then((opened) => (store = opened));
  await settleStorage(storage);
  if (store === undefined) return isCut() ? undefined : 'the store does not open';
  const wrong = model.reopened(store);
  if (wrong !== undefined) return wrong;
  for (let nth = 0; nth < commits && !isCut(); nth += 1) {
    const durable = model.commit(store, randomPuts(random));
    const pause = random.unit();
    if (pause < 0.3) await Promise.race([durable, settle()]);
    else if (pause < 0.5) await settle();
  }
  await settleStorage(storage);
  return undefined;
}

test('after any power cut the state is one the commits went through, none acknowledged lost', async (t) => {
  const lifetimes = fc.array(fc.record({ cutAt: fc.nat(400), commits: fc.nat(160) }), {
    minLength: 1,
    maxLength: 4,
  });
  let rotations = 0;
  await fc.assert(
    fc.asyncProperty(lifetimes, fc.nat(), async (lives, seed) => {
      const random = seededRandom(seed);
      const model = new CrashModel();
      let storage = new MemoryStorage();
      for (const { cutAt, commits } of lives) {
        let cut = false;
        let actions = 0;
        storage = new MemoryStorage(storage.disk, {
          before: () => {
            actions += 1;
            if (actions < cutAt) return undefined;
            cut = true;
            return new Promise(() => undefined);
          },
        });
        const wrong = await live(model, storage, random, commits, () => cut);
        if (wrong !== undefined) throw new TypeError(wrong);
        if (storage.disk.names().some((name) => name >= 'journal-0000000003')) rotations += 1;
        storage = storage.crash(random);
      }
      const last = await model.open(storage, seed);
      const wrong = model.reopened(last);
      if (wrong !== undefined) throw new TypeError(wrong);
      const bytes = last.stats().journalBytes;
      if (bytes > 3 * MODEL_SEGMENT_BYTES) throw new TypeError(`${bytes} bytes without snapshot`);
      await last.close();
    }),
    { numRuns: 300, includeErrorInReport: true },
  );
  t.true(rotations > 20, `only ${rotations} lives reached a third segment`);
});
