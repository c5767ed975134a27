import test from 'ava';
import { runScenario } from './scenario.js';
import type { ScenarioOptions } from './scenario.js';

const SEEDS = 120;

const MODES: Record<string, ScenarioOptions> = {
  'crashes, cuts and failing disks': { steps: 40 },
  'restored gateway backups as well': { steps: 60, restores: true },
};

for (const [mode, options] of Object.entries(MODES))
  test(`${mode}: nothing acknowledged is lost, nothing goes back, both ends agree`, async (t) => {
    t.timeout(10 * 60_000);
    const seen = { inSync: 0, acknowledged: 0, compared: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await runScenario(seed, options);
      seen.inSync += result.seen.inSync;
      seen.acknowledged += result.seen.acknowledged;
    }
    t.log(`${SEEDS} lives: ${seen.acknowledged} readings, ${seen.inSync} in-sync states judged`);
    t.true(
      seen.acknowledged > SEEDS * 50 && seen.inSync > SEEDS * 10,
      'the checkers saw something',
    );
  });

test('a seed replays its life exactly', async (t) => {
  const first = await runScenario(7, { steps: 60, restores: true });
  const second = await runScenario(7, { steps: 60, restores: true });
  t.deepEqual(second, first);
});
