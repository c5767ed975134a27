import test from 'ava';
import { type CrashRun, crashRun } from './crash-trials.js';

const limits = { all: 4096, sampled: 400 };

const RUNS: Readonly<Record<string, CrashRun>> = {
  'a gateway’s, commit by commit': {
    ...{ commits: 1_000, seed: 2026, pace: 0.6 },
    ...{ limits, livesOnEvery: 200 },
  },
  'a hub’s, many at a time over larger snapshots': {
    ...{ commits: 1_000, seed: 2027, pace: 0.1, rows: 150 },
    ...{ limits, livesOnEvery: 200 },
  },
};

for (const [name, run] of Object.entries(RUNS))
  test(`1,000 transactions, ${name}: every state that a power cut may leave after any operation holds what was acknowledged`, async (t) => {
    const figures = await crashRun(run);
    t.log(JSON.stringify(figures));
    t.is(figures.wrong, undefined);
    t.true(figures.states > 20_000 && figures.segments > 10 && figures.snapshots > 10);
  });
