import test from 'ava';
import fc from 'fast-check';
import { RateLimit } from './rate-limit.js';

test('a burst passes, then as many as time allows', (t) => {
  const limit = new RateLimit(2, 3);
  const takes = (nowMs: number, count: number) =>
    Array.from({ length: count }, () => limit.take(nowMs)).filter(Boolean).length;
  t.is(takes(0, 10), 3);
  t.is(takes(400, 10), 0);
  t.is(takes(500, 10), 1);
  t.is(takes(60_000, 10), 3);
});

test('over any time no more pass than the burst and the rate', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000), { maxLength: 200 }), (delays) => {
      const limit = new RateLimit(5, 7);
      let nowMs = 0;
      let passed = 0;
      for (const delayMs of delays) {
        nowMs += delayMs;
        if (limit.take(nowMs)) passed++;
      }
      t.true(passed <= 7 + (nowMs / 1_000) * 5);
    }),
  );
});
