import test from 'ava';
import { outage } from './outage.js';

test('a dead link for 5 seconds: afterwards both ends agree, up and down', async (t) => {
  await outage(t, 5);
});
