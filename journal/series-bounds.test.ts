import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '#protocol/random.js';
import { settleStorage } from './crash-model.js';
import { MemoryStorage } from './memory-storage.js';
import { blockFacts, blockName, decodeBlock, encodeBlock } from './series-block.js';
import { BlockIndex } from './series-index.js';
import { SeriesModel } from './series-model.js';
import type { SeriesOptions } from './series.js';
import { searchSeries } from './series-query.js';
import { joinRows, splitRows } from './series-text.js';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

async function filled(rows: number, options: Partial<SeriesOptions> = {}) {
  const [main, folder] = [new MemoryStorage(), new MemoryStorage()];
  const model = new SeriesModel();
  const series = await model.open(main, folder, options);
  for (let n = 1; n <= rows; n++)
    void model.append([{ time: START + n * 60_000, text: `${n % 2 === 0 ? 'even' : 'odd'} ${n}` }]);
  const settle = async (): Promise<void> => {
    for (let before = -1; before !== main.actions + folder.actions;) {
      before = main.actions + folder.actions;
      await settleStorage(main);
      await settleStorage(folder);
    }
  };
  await settle();
  return { model, series, main, folder, settle };
}

test('rows survive as text, with times that go forth and back', (t) => {
  const row = fc.record({
    time: fc.nat({ max: 2 ** 50 }),
    text: fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', '')),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), fc.nat(), fc.nat(), (rows, from, base) => {
      const numbered = rows.map((one, index) => ({ n: from + index, ...one }));
      t.deepEqual(splitRows(joinRows(rows, base), from, base), numbered);
    }),
  );
});

test('a block is read only as the very block that its name tells of', (t) => {
  const rows = Array.from({ length: 40 }, (_, index) => ({
    n: 7 + index,
    time: START + index * 1000,
    text: `meter power ${index}`,
  }));
  const { facts, bytes } = encodeBlock(rows);
  t.deepEqual(blockFacts(blockName(facts)), facts);
  t.deepEqual(decodeBlock(bytes, facts), rows);
  const wrong = { code: 'EDGE_STORAGE_CORRUPT' };
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    t.throws(() => decodeBlock(flipped, facts), wrong, `byte ${at}`);
    t.throws(() => decodeBlock(bytes.subarray(0, at), { ...facts, bytes: at }), wrong);
  }
  t.throws(() => decodeBlock(bytes, { ...facts, from: 8 }), wrong);
  for (const name of ['x.block', '1-2-3-4.block', '5-2-0-0-1.block', '0-2-0-0-1.block', 'zz.tmp'])
    t.is(blockFacts(name), undefined, name);
  const longest = 2 ** 53 - 1;
  const far = { from: longest, to: longest, earliest: longest, latest: longest, bytes: 2 ** 20 };
  t.true(blockName(far).length <= 64);
});

test('the index finds, forgets and counts as a plain list does', (t) => {
  const step = fc.oneof(fc.constant('push' as const), fc.constant('first' as const), fc.nat(50));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const index = new BlockIndex();
      const list: Parameters<BlockIndex['push']>[0][] = [];
      let next = 1;
      for (const what of steps) {
        if (what === 'push') {
          const facts = { from: next, to: next + 9, earliest: next, latest: next, bytes: 4097 };
          next += 11;
          index.push(facts);
          list.push(facts);
        } else {
          const at = what === 'first' ? 0 : what % Math.max(1, list.length);
          const [gone] = list.splice(at, 1);
          if (gone !== undefined) {
            t.true(index.remove(gone));
            t.false(index.remove(gone));
          }
        }
        t.is(index.length, list.length);
        t.is(index.cost, list.length * 8192);
        const probe = next >> 1;
        t.deepEqual(
          index.at(index.firstAbove(probe)),
          list.find(({ to }) => to > probe),
        );
      }
    }),
  );
});

test('when full the oldest blocks go, and what nobody had consumed is counted', async (t) => {
  const { model, series, settle } = await filled(800);
  const { bytes, lost, rows } = series.stats;
  t.true(bytes <= 12 * 4096 && lost > 0);
  t.is(rows + lost, 800);
  t.is((await series.read(0))?.rows[0]?.n, lost + 1);
  t.is(await model.wrong(), undefined);
  await model.store?.commit([series.consumed(800)]);
  for (let n = 801; n <= 1600; n++) void model.append([{ time: START + n * 60_000, text: 'x' }]);
  await settle();
  t.true(series.stats.lost > lost, 'rows above 800 went as well');
  const kept = series.stats.rows;
  t.is(series.stats.lost, lost + (800 - kept), 'rows that were consumed are no loss');
});

test('with keep: oldest nothing goes and the series says that it is full', async (t) => {
  const { series } = await filled(800, { keep: 'oldest' });
  t.true(series.isFull);
  t.is(series.stats.rows, 800);
  t.is(series.stats.lost, 0);
  const { folder, model, main } = await filled(100);
  model.series?.close();
  folder.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  const stuck = await model.open(main, folder);
  for (let n = 0; n < 80; n++) void model.append([{ time: START, text: 'x' }]);
  await settleStorage(main);
  t.true(stuck.isFull, 'rows that cannot become blocks are bounded, too');
  t.is(stuck.stats.alarm?.code, 'EDGE_STORAGE');
  folder.heal();
  model.clock.advance(60_000);
  await settleStorage(folder);
  await settleStorage(main);
  t.false(stuck.isFull);
  t.is(stuck.stats.alarm, undefined);
  t.is(await model.wrong(), undefined);
});

test('blocks grow old by the time of their rows, but never by a clock that was not set', async (t) => {
  const { model, series, main, folder, settle } = await filled(160);
  series.close();
  model.clock.advance(START + 160 * 60_000 + HOUR - model.clock.wallTime());
  const aged = await model.open(main, folder, { maxAgeMs: 2 * HOUR });
  await settle();
  t.true(aged.stats.lost > 0 && aged.stats.rows >= 60);
  t.is(await model.wrong(), undefined);
  aged.close();
  const unset = await filled(40);
  for (let n = 0; n < 40; n++) void unset.model.append([{ time: 1000 + n, text: 'x' }]);
  await unset.settle();
  unset.series.close();
  unset.model.clock.advance(START + 60_000 - unset.model.clock.wallTime());
  const kept = await unset.model.open(unset.main, unset.folder, { maxAgeMs: HOUR });
  t.is(kept.stats.lost, 0);
});

test('a damaged, missing or unreadable block is a counted gap, and what is behind it is read', async (t) => {
  const { model, series, folder } = await filled(120);
  const names = (await folder.list()).filter((name) => blockFacts(name) !== undefined);
  const [first = '', second = '', third = ''] = names.sort(
    (a, b) => (blockFacts(a)?.from ?? 0) - (blockFacts(b)?.from ?? 0),
  );
  const file = await folder.open(first);
  await file.write(40, new Uint8Array([1, 2, 3]));
  await folder.remove(third);
  const rowsOf = (name: string): number => {
    const facts = blockFacts(name);
    return facts === undefined ? 0 : facts.to - facts.from + 1;
  };
  const stretch = await series.read(0);
  t.is(stretch?.rows[0]?.n, blockFacts(second)?.from);
  await series.read(stretch?.to ?? 0);
  t.is(series.stats.lost, rowsOf(first) + rowsOf(third));
  t.is(series.stats.damagedBlocks, 2);
  t.is(await model.wrong(), undefined);
  folder.fail({ nth: 1, fault: 'EIO', sticky: true, actions: ['read'] });
  for (let nth = 0; nth < 4; nth++) await t.throwsAsync(series.read(0), { code: 'EDGE_STORAGE' });
  folder.fail({ nth: 2, fault: 'EIO', sticky: true, actions: ['read'] });
  folder.fail({ nth: 1, fault: 'EIO', actions: ['read'] });
  await series.read(0);
  t.is(series.stats.damagedBlocks, 3, 'a block that never can be read is given up');
  folder.heal();
  t.is(await model.wrong(), undefined);
});

test('a store of an older day than its folder does not believe the blocks', async (t) => {
  const { model, series, main, folder, settle } = await filled(60);
  const older = main.crash(seededRandom(1));
  const backup = older.disk;
  series.close();
  const again = new MemoryStorage(backup);
  await model.open(again, folder);
  for (let n = 0; n < 60; n++) void model.append([{ time: START, text: 'later' }]);
  await settle();
  await settleStorage(again);
  model.series?.close();
  const restored = new SeriesModel();
  await restored.open(new MemoryStorage(), folder);
  t.is(restored.series?.stats.rows, 0, 'an empty store: everything is of another life');
  t.deepEqual(
    (await folder.list()).filter((name) => blockFacts(name) !== undefined),
    [],
  );
});

test('rows are found by time and by what their text begins with, page by page', async (t) => {
  const { series } = await filled(300, { maxBytes: 2 ** 30 });
  const [from, to] = [START + 50 * 60_000, START + 250 * 60_000];
  const found: number[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: Awaited<ReturnType<typeof searchSeries>> = await searchSeries(series, {
      ...{ prefix: 'even ', from, to, after, limit: 7 },
    });
    t.true(page.rows.length <= 7);
    found.push(...page.rows.map(({ n }) => n));
    after = page.next;
  }
  const expected = Array.from({ length: 101 }, (_, index) => 50 + 2 * index);
  t.deepEqual(found, expected);
});
