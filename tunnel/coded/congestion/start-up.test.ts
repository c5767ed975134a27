import test from 'ava';
import type { Feedback } from './feedback.js';
import { RoundGauge, type Round } from './round-gauge.js';
import { StartUp } from './start-up.js';

const ROUND: Round = { index: 1, ms: 100, packets: 10, lost: 0, rate: 0.1, appLimited: false };

/** Packets that left too far apart for a train and arrive one each `everyMs`. */
function paced(count: number, everyMs: number): Feedback {
  const arrived = Array.from({ length: count }, (_, number) => ({
    ...{ number, sentAt: 2 * number, size: 1, sentTotal: number + 1, limited: true },
    ...{ receivedAt: 1_000 + everyMs * number, queueMs: 0 },
  }));
  return {
    ...{ arrived, lost: [], now: 1_000, smoothedMs: 100, inFlight: 0 },
    ...{ deliveredTotal: count, nextNumber: count },
  };
}

test('a first round of a few milliseconds tells no rate, and start-up goes on', (t) => {
  const start = new StartUp();
  t.false(start.stands({ ...ROUND, ms: 4, rate: 8 }, 100));
  for (const rate of [0.1, 0.2, 0.4, 0.8, 1.6])
    t.false(start.stands({ ...ROUND, rate }, 100), `${rate}`);
  for (const [rate, stands] of [
    [1.7, false],
    [1.7, false],
    [1.7, true],
  ] as const)
    t.is(start.stands({ ...ROUND, rate }, 100), stands);
});

test('packets that are acknowledged together make no round', (t) => {
  const gauge = new RoundGauge();
  const all = paced(4, 1);
  const part = (from: number, now: number): Feedback => ({
    ...all,
    ...{ now, arrived: all.arrived.slice(from, from + 1), deliveredTotal: from + 1 },
  });
  t.is(gauge.take(part(0, 100), 0), undefined);
  t.is(gauge.take(part(1, 101), 0), undefined);
  t.is(gauge.take(part(2, 110), 0)?.rate, 0.3);
});

test('start-up ends with the rate of the last arrivals: that of a round lags behind by half', (t) => {
  const start = new StartUp();
  start.take(paced(40, 1));
  t.is(start.windowAfter(1_000, 0.5, 100), 104);
  t.is(start.windowAfter(1_000, 0.2, 100), 54, 'no more than two and a half of it');
  t.is(start.windowAfter(60, 0.5, 100), 60, 'never more than it was');
});
