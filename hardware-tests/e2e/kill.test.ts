import test from 'ava';
import { killUnderLoad } from './kill.js';

test('kill -9 of gateway and hub under load: nothing acknowledged is missing, no version goes back', async (t) => {
  await killUnderLoad(t, { kills: 4, seed: 1 });
});
