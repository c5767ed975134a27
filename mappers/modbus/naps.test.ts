import test from 'ava';
import type { Clock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { MAPPER_LIMITS as LIMITS } from '../limits.js';
import { Naps } from './naps.js';

/** A clock without timers, whose naps last so much longer than they are told to. */
function sleeper(overMs: number) {
  let nowMs = 0;
  const slept: number[] = [];
  const clock: Clock = {
    now: () => nowMs,
    wallTime: () => 0,
    setTimer: () => {
      throw new TypeError('no timer is needed');
    },
    nap: (ms) => {
      slept.push(ms);
      nowMs += ms + overMs;
    },
  };
  return { clock, slept, pass: (ms: number) => void (nowMs += ms) };
}

for (const overMs of [0, 0.02, 0.05, 0.3])
  test(`a nap ends at its moment or later, never before, when sleeps last ${overMs} ms longer`, (t) => {
    const { clock, slept } = sleeper(overMs);
    new Naps(clock).until(0.7);
    t.true(clock.now() >= 0.7 && clock.now() < 0.71 + overMs, String(clock.now()));
    t.true(slept.length <= 6);
  });

test('a moment that is over is not slept for', (t) => {
  const { clock, slept, pass } = sleeper(0);
  pass(5);
  new Naps(clock).until(4);
  t.deepEqual(slept, []);
});

test('naps take no more than their share of the time, and what is refused is counted', (t) => {
  const { clock, pass } = sleeper(0.05);
  const naps = new Naps(clock);
  while (clock.now() < 60_000) {
    if (naps.allowed(clock.now())) naps.until(clock.now() + LIMITS.napMaxMs);
    pass(1);
  }
  const { napMs = 0, napsRefused = 0 } = naps.counters();
  t.true(napMs <= LIMITS.napShare * clock.now() + LIMITS.napBurstMs + LIMITS.napMaxMs);
  t.true(napMs > 0.9 * LIMITS.napShare * clock.now(), 'nor much less, when it is asked for');
  t.true(napsRefused > 0);
});

test('after a pause a burst is allowed, and no more than one however long the pause', (t) => {
  const { clock, pass } = sleeper(0);
  const naps = new Naps(clock);
  pass(3_600_000);
  let slept = 0;
  for (; slept < 1_000 && naps.allowed(clock.now()); slept += 1) naps.until(clock.now() + 1);
  t.true(slept >= LIMITS.napBurstMs && slept <= 1.3 * LIMITS.napBurstMs, String(slept));
});

test('a clock that cannot nap is not asked to', (t) => {
  const naps = new Naps(new ManualClock());
  t.false(naps.allowed(0));
  naps.until(1);
  t.deepEqual(naps.counters(), { napMs: 0, napsRefused: 0 });
});
