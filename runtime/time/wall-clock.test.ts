import test from 'ava';
import { ManualClock } from '#protocol/manual-clock.js';
import { TIME_TOLERANCE_MS, WallClock } from './wall-clock.js';

const TODAY = Date.UTC(2026, 10, 22);
const BUILT = Date.UTC(2026, 8, 1);
const DAY_MS = 86_400_000;

test('a board that boots at 1970 shows the floor, which goes on', (t) => {
  const system = new ManualClock(0);
  const clock = new WallClock(system, BUILT);
  t.is(clock.wallTime(), BUILT);
  t.is(clock.quality(), 'floor');
  system.advance(DAY_MS);
  t.is(clock.wallTime(), BUILT + DAY_MS);
  t.is(clock.floorMs(), BUILT + DAY_MS);
});

test('a system clock that nobody confirmed is shown, and is no floor', (t) => {
  const clock = new WallClock(new ManualClock(Date.UTC(2040, 0, 1)), BUILT);
  t.is(clock.wallTime(), Date.UTC(2040, 0, 1));
  t.is(clock.quality(), 'unknown');
  t.is(clock.floorMs(), BUILT);
});

test('what the hub tells is shown from then on, whatever the system clock does', (t) => {
  const system = new ManualClock(0);
  const clock = new WallClock(system, BUILT);
  t.is(clock.learn(TODAY), TODAY - BUILT);
  t.is(clock.quality(), 'synced');
  system.advance(5000);
  system.jumpWall(40 * 365 * DAY_MS);
  t.is(clock.wallTime(), TODAY + 5000);
  t.is(clock.floorMs(), TODAY + 5000);
});

test('a system clock that agrees with the hub is preferred: it is kept in step', (t) => {
  const system = new ManualClock(TODAY + TIME_TOLERANCE_MS);
  const clock = new WallClock(system, BUILT);
  t.is(clock.learn(TODAY), 0);
  t.is(clock.wallTime(), TODAY + TIME_TOLERANCE_MS);
});

test('a floor from a wrong clock does not outlive the hub', (t) => {
  const clock = new WallClock(new ManualClock(0), Date.UTC(2040, 0, 1));
  clock.learn(TODAY);
  t.is(clock.wallTime(), TODAY);
  t.is(clock.floorMs(), TODAY);
});

test('a time is right when this clock is, and when it agrees with this clock', (t) => {
  const system = new ManualClock(TODAY);
  const clock = new WallClock(system, BUILT, { osBoot: 'b1', offsetMs: 5000 });
  const since = { boot: 'b1', ms: system.now() + 5000 };
  t.deepEqual(clock.dating(TODAY), { quality: 'unknown', since });
  t.deepEqual(clock.dating(TODAY - 700), {
    ...{ quality: 'unknown', since: { boot: 'b1', ms: since.ms - 700 } },
  });
  t.deepEqual(clock.dating(TODAY - DAY_MS), { quality: 'unknown' });
  t.deepEqual(clock.dating(NaN), { quality: 'unknown' });
  clock.learn(TODAY);
  t.is(clock.dating(TODAY), undefined);
  t.deepEqual(clock.dating(0), { quality: 'unknown' });
  t.deepEqual(clock.learntBoot(), { boot: 'b1', beganMs: TODAY - since.ms });
});
