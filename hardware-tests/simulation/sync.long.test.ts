import test from 'ava';
import { runScenario } from './scenario.js';

const SEEDS = 2500;
const FIRST = 1_000_000;

for (const restores of [false, true])
  test(`thousands of lives, ${restores ? 'with' : 'without'} restored backups`, async (t) => {
    t.timeout(30 * 60_000);
    let virtualMs = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++)
      virtualMs += (await runScenario(seed, { steps: 80, restores })).virtualMs;
    t.log(`${SEEDS} lives, ${Math.round(virtualMs / 86_400_000)} days of virtual time`);
    t.pass();
  });
