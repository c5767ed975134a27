import test from 'ava';
import { killUnderLoad } from './kill.js';

for (const seed of [7, 11])
  test(`twenty times kill -9 under load, seed ${seed}: both ends agree, nothing acknowledged is missing`, async (t) => {
    t.timeout(600_000);
    await killUnderLoad(t, { kills: 20, seed });
  });
