import test from 'ava';
import { LongOutage } from './long-outage.js';

test('an hour without the hub, more samples than fit: all kept or counted, in order, state first', async (t) => {
  const figures = await new LongOutage({
    hours: 1,
    historyBytes: 512 * 1024,
    bytesPerSecond: 16_000,
  }).live();
  t.log(figures);
  t.true(figures.dropped > 5000);
  t.true(figures.currentAfterMs < 5000);
  t.true(figures.desiredAfterMs < 10_000);
  t.true(figures.worstLagMs < 10_000);
});
