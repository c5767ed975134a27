import test from 'ava';
import { killUnderLoad } from './kill.js';

test('kill -9 of gateway and hub under load: nothing acknowledged is missing, nothing seen twice', async (t) => {
  await killUnderLoad(t, { kills: 6, gateways: 1, perSecond: 200, seed: 1 });
});
