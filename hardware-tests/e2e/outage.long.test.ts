import test from 'ava';
import { outage } from './outage.js';

test('a dead link for a minute: afterwards both ends agree, up and down', async (t) => {
  t.timeout(300_000);
  await outage(t, 60);
});
