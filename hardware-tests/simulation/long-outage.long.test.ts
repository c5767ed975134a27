import test from 'ava';
import { LongOutage } from './long-outage.js';

test('three days without the hub at ten samples a second, 64 MiB to keep them', async (t) => {
  t.timeout(20 * 60_000);
  const figures = await new LongOutage({
    hours: 72,
    historyBytes: 64 * 1024 * 1024,
    bytesPerSecond: 16_000,
  }).live();
  t.log(figures);
  t.is(figures.applied + figures.dropped, figures.taken);
  t.is(figures.dropped, figures.lost);
  t.true(figures.dropped > 100_000, 'more than fits');
  t.true(figures.historyBytes <= 64 * 1024 * 1024);
  t.true(figures.currentAfterMs < 5000);
  t.true(figures.desiredAfterMs < 10_000);
  t.true(figures.worstLagMs < 10_000);
});
