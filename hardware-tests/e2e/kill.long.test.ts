import test from 'ava';
import { killUnderLoad } from './kill.js';

const KILLS = Number(process.env['EDGETWIN_KILLS'] ?? 500);

test(`kill -9 of gateways and hub at ${KILLS} random moments: nothing acknowledged is missing, nothing seen twice`, async (t) => {
  t.timeout(30 * 60_000);
  await killUnderLoad(t, { kills: KILLS, gateways: 3, perSecond: 600, seed: 7 });
});
