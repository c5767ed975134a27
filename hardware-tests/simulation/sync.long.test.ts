import { availableParallelism } from 'node:os';
import test from 'ava';
import { figuresText } from './figures.js';
import { runSeeds } from './runner.js';

const SEEDS = 10_000;
const FIRST = 1_000_000;
/** Breaches that are understood and not mended yet: docs/simulation.md. Any other one fails. */
const KNOWN = [1_002_364, 1_007_364];

test('ten thousand lives', async (t) => {
  t.timeout(60 * 60_000);
  const workers = availableParallelism();
  const { figures, failures } = await runSeeds({
    ...{ from: FIRST, seeds: SEEDS, wishes: {}, workers },
    failures: KNOWN.length + 1,
  });
  t.log(figuresText(figures));
  t.deepEqual(
    failures.filter(({ seed }) => !KNOWN.includes(seed)),
    [],
  );
  // One that is mended leaves the list.
  t.deepEqual(failures.map(({ seed }) => seed).toSorted(), KNOWN);
  t.is(figures.lives, SEEDS - KNOWN.length);
});
