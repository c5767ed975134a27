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
