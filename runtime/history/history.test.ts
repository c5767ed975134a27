import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { NO_VERSION } from '#protocol/twin.js';
import { HistoryBench, METER, settle } from './test-history.js';

const ALL = { device: METER.id, property: 'power', from: 0, to: Infinity, after: 0, limit: 1000 };

test('a report of a property with history is a sample, in the transaction of its twin', async (t) => {
  const bench = await new HistoryBench().start();
  const { syncs, commits } = bench.meta.stats();
  await bench.report(1);
  t.is(bench.meta.stats().syncs, syncs + 1);
  t.is(bench.meta.stats().commits, commits + 1);
  await bench.twins.report({
    device: METER.id,
    readings: [
      { property: 'label', value: 'x', quality: 'good', timestamp: 1, appliedVersion: NO_VERSION },
      {
        ...{ property: 'power', value: null, quality: 'bad', timestamp: 2 },
        ...{ reason: 'EDGE_DEVICE_TIMEOUT', appliedVersion: NO_VERSION },
      },
    ],
  });
  const { samples } = await bench.history.query(ALL);
  t.deepEqual(
    samples.map(({ n, value, quality, reason }) => [n, value, quality, reason]),
    [
      [1, 1, 'good', undefined],
      [2, null, 'bad', 'EDGE_DEVICE_TIMEOUT'],
    ],
  );
  t.is(bench.meta.numbering('samples').value, 2);
});

test('samples outlive a power cut as their twins do, and are found by time in blocks and store', async (t) => {
  const bench = await new HistoryBench().start();
  for (let value = 1; value <= 100; value++) await bench.report(value);
  await settle();
  t.true(bench.history.series.stats.blocks >= 3);
  bench.history.close();
  bench.main = bench.main.crash(seededRandom(1));
  bench.folder = bench.folder.crash(seededRandom(2));
  const startedMs = bench.clock.wallTime() - 100 * 100;
  await bench.start();
  const question = { ...ALL, from: startedMs + 1_000, to: startedMs + 9_000 };
  const first = await bench.history.query({ ...question, limit: 50 });
  const rest = await bench.history.query({ ...question, after: first.next ?? Infinity });
  const values = [...first.samples, ...rest.samples].map(({ value }) => value);
  t.deepEqual(
    values,
    Array.from({ length: 81 }, (_, index) => 11 + index),
  );
});

test('while the flash budget is exceeded samples are numbered, counted and not kept; twins are', async (t) => {
  let isShedding = false;
  const bench = await new HistoryBench().start({ isShedding: () => isShedding });
  await bench.report(1);
  isShedding = true;
  await bench.report(2, 3);
  t.like(bench.history.status(), { kept: 1, dropped: 2, taken: 3, shedding: 'flash-budget' });
  t.is(bench.twins.device(METER.id)?.properties[0]?.reported?.value, 3);
  isShedding = false;
  await bench.report(4);
  bench.main = bench.main.crash(seededRandom(1));
  await bench.start();
  t.like(bench.history.status(), { kept: 2, dropped: 2, unsent: 4 });
});

test('a report whose samples are too large keeps its twins and counts what did not fit', async (t) => {
  const bench = await new HistoryBench().start();
  const value = 'x'.repeat(8_000);
  const readings = Array.from({ length: 3 }, (_, index) => ({
    ...({ property: 'power', value: index, quality: 'good', timestamp: 1 } as const),
    appliedVersion: NO_VERSION,
  }));
  const prepared = bench.history.prepare({
    ...{ device: METER.id, life: 1 },
    properties: new Map(METER.properties.map((property) => [property.name, property])),
    readings: [...readings, ...Array.from({ length: 40 }, () => ({ ...readings[0]!, value }))],
  });
  t.true(JSON.stringify(prepared?.puts).length < 300_000);
  prepared?.committed(bench.meta.commit(prepared.puts));
  const { kept, dropped } = bench.history.status();
  t.is(kept + dropped, 43);
  t.true(kept > 30 && dropped > 5);
});

test('a storage that refuses durability keeps serving, and what it held is durable when it is well', async (t) => {
  const bench = await new HistoryBench().start();
  bench.main.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  await t.throwsAsync(bench.report(1), { code: 'EDGE_STORAGE' });
  t.is(bench.history.series.durable, 0);
  bench.begin();
  t.deepEqual(await bench.sent(), [], 'nothing leaves that is not durable (I1)');
  bench.main.heal();
  for (let nth = 0; nth < 20; nth++) {
    bench.clock.advance(1_000);
    await settle();
  }
  t.is(bench.history.series.durable, 1);
  t.is((await bench.sent())[0]?.to, 1);
});
