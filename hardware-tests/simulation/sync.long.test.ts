import { availableParallelism } from 'node:os';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { figuresText } from './figures.js';
import { runSeeds } from './runner.js';

const DAY_MS = 86_400_000;
const SEEDS = Number(process.env['SYNC_SEEDS'] ?? 4_000);
/** Seeds of its own for each day, so that lives are tried that nobody has seen; printed, to replay. */
const FROM = Number(
  process.env['SYNC_FROM'] ?? Math.floor(systemClock.wallTime() / DAY_MS) * 4_000,
);

test(`${SEEDS} lives from seed ${FROM} on`, async (t) => {
  t.timeout(60 * 60_000);
  const workers = availableParallelism();
  const { figures, failures } = await runSeeds({ from: FROM, seeds: SEEDS, wishes: {}, workers });
  t.log(figuresText(figures));
  t.deepEqual(failures, []);
  t.is(figures.lives, SEEDS);
});
