import { availableParallelism } from 'node:os';
import test from 'ava';
import { figuresText } from './figures.js';
import { runSeeds } from './runner.js';

const SEEDS = 10_000;
const FIRST = 1_000_000;

test('ten thousand lives', async (t) => {
  t.timeout(60 * 60_000);
  const workers = availableParallelism();
  const { figures, failures } = await runSeeds({ from: FIRST, seeds: SEEDS, wishes: {}, workers });
  t.log(figuresText(figures));
  t.deepEqual(failures, []);
  t.is(figures.lives, SEEDS);
});
