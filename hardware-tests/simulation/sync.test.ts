import test from 'ava';
import { runLife } from './life.js';
import { ALL_FAULTS } from './options.js';
import { runBatch } from './seeds.js';

const SEEDS = 150;

test('lives from seeds: nothing acknowledged is lost, nothing goes back, all agree in the end', async (t) => {
  t.timeout(10 * 60_000);
  const { figures, failures } = await runBatch({ from: 1, count: SEEDS, wishes: {} });
  t.deepEqual(failures, []);
  const { acknowledged = 0, inSync = 0, sent = 0, kept = 0 } = figures.checks;
  t.log(`${SEEDS} lives: ${acknowledged} readings, ${inSync} in-sync states judged`);
  t.true(acknowledged > SEEDS * 50 && sent > SEEDS * 10, 'the checkers saw something');
  t.true(inSync > SEEDS * 5 && kept > SEEDS * 50);
});

test('every kind of fault happens', async (t) => {
  const { figures } = await runBatch({ from: 1, count: 60, wishes: { gateways: 2 } });
  const wordsOf: Record<string, string> = {
    loss: 'lost',
    drop: 'dropped',
    duplicate: 'duplicated',
  };
  for (const fault of ALL_FAULTS) {
    // What is drawn once for a whole life is no action.
    if (fault === 'reorder') continue;
    t.true((figures.faults[wordsOf[fault] ?? fault] ?? 0) > 0, fault);
  }
});

test('a seed replays its life exactly', async (t) => {
  for (const seed of [7, 26]) t.deepEqual(await runLife(seed), await runLife(seed));
});

test('looking closer changes nothing', async (t) => {
  t.deepEqual(await runLife(12, { gateways: 2 }, true), await runLife(12, { gateways: 2 }));
});

test('a day of several gateways', async (t) => {
  const { virtualMs, options } = await runLife(3, { gateways: 3, days: 0.5 });
  t.is(options.gateways, 3);
  t.true(virtualMs > 0.25 * 86_400_000);
});
