import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '#protocol/random.js';
import { settleStorage } from './crash-model.js';
import { MemoryStorage } from './memory-storage.js';
import { SeriesModel, randomRows } from './series-model.js';

async function settle(main: MemoryStorage, folder: MemoryStorage): Promise<void> {
  for (let before = -1; before !== main.actions + folder.actions;) {
    before = main.actions + folder.actions;
    await settleStorage(main);
    await settleStorage(folder);
  }
}

const life = fc.record({
  cutAt: fc.nat(900),
  appends: fc.nat(120),
  killed: fc.boolean(),
  fault: fc.option(fc.record({ folder: fc.boolean(), nth: fc.integer({ min: 1, max: 60 }) })),
});

test('after power cuts, kills and failing disks each number is kept once or counted as lost, in order', async (t) => {
  const lives = fc.array(life, { minLength: 1, maxLength: 5 });
  const seen = { blocks: 0, lost: 0, cuts: 0 };
  await fc.assert(
    fc.asyncProperty(lives, fc.nat(), async (all, seed) => {
      const random = seededRandom(seed);
      const model = new SeriesModel();
      let [main, folder] = [new MemoryStorage(), new MemoryStorage()];
      for (const { cutAt, appends, killed, fault } of all) {
        let actions = 0;
        let isChecking = false;
        const before = (): Promise<void> | undefined =>
          isChecking || ++actions < cutAt ? undefined : new Promise(() => undefined);
        [main, folder] = [main.kill({ before }), folder.kill({ before })];
        if (fault !== null)
          (fault.folder ? folder : main).fail({
            nth: fault.nth,
            fault: 'EIO',
            actions: ['sync', 'write'],
          });
        const opening = model.open(main, folder).catch(() => undefined);
        await settle(main, folder);
        if (actions < cutAt) {
          await opening;
          for (let nth = 0; nth < appends && actions < cutAt; nth++) {
            model.clock.advance(random.unit() * 400);
            const givenUp = random.unit() < 0.05 ? 1 + Math.floor(random.unit() * 3) : 0;
            const rows = random.unit() < 0.03 ? [] : randomRows(random, model.clock.wallTime());
            const durable = model.append(rows, givenUp);
            if (random.unit() < 0.3) await Promise.race([durable, settle(main, folder)]);
            if (random.unit() < 0.1) await settle(main, folder);
          }
          await settle(main, folder);
          if (actions < cutAt) {
            isChecking = true;
            // The store recovers, then the series.
            for (let nth = 0; nth < 3; nth++) {
              model.clock.advance(60_000);
              await settle(main, folder);
            }
            const wrong = await model.wrong();
            if (wrong !== undefined) throw new TypeError(wrong);
            seen.blocks += model.series?.stats.blocks ?? 0;
            seen.lost += model.series?.stats.lost ?? 0;
          }
        }
        model.series?.close();
        if (actions >= cutAt) seen.cuts++;
        if (killed) [main, folder] = [main.kill(), folder.kill()];
        else [main, folder] = [main.crash(random), folder.crash(random)];
      }
      await model.open(main, folder);
      await settle(main, folder);
      const wrong = await model.wrong();
      model.series?.close();
      if (wrong !== undefined) throw new TypeError(wrong);
    }),
    { numRuns: 120, includeErrorInReport: true },
  );
  t.log(seen);
  t.true(seen.blocks > 100 && seen.lost > 100 && seen.cuts > 20, 'the property saw something');
});
