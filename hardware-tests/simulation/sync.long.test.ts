import { availableParallelism } from 'node:os';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { figuresText } from './figures.js';
import { runSeeds } from './runner.js';

const DAY_MS = 86_400_000;
const SEEDS = Number(process.env['SYNC_SEEDS'] ?? 4_000);
/** Each day other seeds, so that in three days all ten thousand are lived. */
const ofToday = (): number => 1_000_000 + (Math.floor(systemClock.wallTime() / DAY_MS) % 3) * 3_000;
/** In the test's title, to live them again. */
const FROM = Number(process.env['SYNC_FROM'] ?? (SEEDS > 4_000 ? 1_000_000 : ofToday()));

test(`${SEEDS} lives from seed ${FROM} on`, async (t) => {
  t.timeout(60 * 60_000);
  const workers = availableParallelism();
  const { figures, failures } = await runSeeds({ from: FROM, seeds: SEEDS, wishes: {}, workers });
  t.log(figuresText(figures));
  t.deepEqual(failures, []);
  t.is(figures.lives, SEEDS);
});
