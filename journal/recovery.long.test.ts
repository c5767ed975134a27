import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { livesTrial, randomLives } from './life-trials.js';

const SEED = 2026;

test('20,000 folders live through power cuts, kills and failures of the storage, several each, and lose nothing', async (t) => {
  const figures = { rotations: 0, alarms: 0 };
  const random = seededRandom(SEED);
  for (let folder = 0; folder < 20_000; folder += 1) {
    const lives = randomLives(random);
    const wrong = await livesTrial(lives, figures);
    if (wrong !== undefined) t.fail(`${JSON.stringify(lives)}: ${wrong}`);
  }
  t.log(`${figures.rotations} lives reached a third segment, ${figures.alarms} went into alarm`);
  t.true(figures.rotations > 1_000 && figures.alarms > 1_000);
});
