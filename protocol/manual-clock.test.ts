import test from 'ava';
import { sleep, systemClock } from './clock.js';
import { ManualClock } from './manual-clock.js';
import { seededRandom } from './random.js';

test('timers fire in order of time, then of setting, each at its own due time', (t) => {
  const clock = new ManualClock();
  const fired: string[] = [];
  const set = (name: string, delayMs: number): void => {
    clock.setTimer(name, delayMs, () => fired.push(`${name}@${clock.now()}`));
  };
  set('late', 30);
  set('first', 10);
  set('second', 10);
  set('negative', -5);
  t.deepEqual(clock.pending(), ['negative', 'first', 'second', 'late']);
  t.is(clock.nextAtMs(), 0);
  clock.advance(29);
  t.deepEqual(fired, ['negative@0', 'first@10', 'second@10']);
  t.is(clock.now(), 29);
  clock.advance(1);
  t.is(fired.at(-1), 'late@30');
  t.is(clock.nextAtMs(), undefined);
});

test('a timer that a timer sets fires in the same advance when it is due', (t) => {
  const clock = new ManualClock();
  const fired: number[] = [];
  const again = (): void => {
    fired.push(clock.now());
    clock.setTimer('again', 10, again);
  };
  clock.setTimer('again', 10, again);
  clock.advance(35);
  t.deepEqual(fired, [10, 20, 30]);
  t.deepEqual(clock.pending(), ['again']);
});

test('a cancelled timer never fires, not even from a timer of the same moment', (t) => {
  const clock = new ManualClock();
  const second = { cancel: (): unknown => undefined };
  clock.setTimer('first', 5, () => second.cancel());
  const timer = clock.setTimer('second', 5, () => t.fail());
  second.cancel = () => timer.cancel();
  clock.advance(10);
  timer.cancel();
  t.deepEqual(clock.pending(), []);
});

test('monotonic time never goes back, also when a timer advances the clock', (t) => {
  const clock = new ManualClock();
  clock.setTimer('far', 5, () => clock.advance(100));
  clock.advance(10);
  t.is(clock.now(), 105);
});

test('the wall clock jumps alone', (t) => {
  const clock = new ManualClock(1000);
  clock.advance(5);
  clock.jumpWall(-2000);
  t.is(clock.wallTime(), -995);
  t.is(clock.now(), 5);
});

test('sleep ends when its time is over or its signal is aborted', async (t) => {
  const clock = new ManualClock();
  const slept = sleep(clock, 'nap', 50);
  t.deepEqual(clock.pending(), ['nap']);
  clock.advance(50);
  await slept;
  const abort = new AbortController();
  const cut = sleep(clock, 'nap', 50, abort.signal);
  abort.abort();
  await cut;
  await sleep(clock, 'nap', 50, abort.signal);
  t.deepEqual(clock.pending(), []);
});

test('the system clock fires a timer and its time goes on', async (t) => {
  const before = systemClock.now();
  await new Promise<void>((fire) => systemClock.setTimer('test', 1, fire));
  t.true(systemClock.now() > before);
  t.true(systemClock.wallTime() > Date.UTC(2020, 0, 1));
  systemClock.setTimer('never', 2 ** 40, () => t.fail()).cancel();
});

test('thousands of timers, set and cancelled in any order, fire by schedule', (t) => {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const fired: number[] = [];
  let cancelled = 0;
  for (let index = 0; index < 5000; index++) {
    const atMs = Math.floor(random.unit() * 1000);
    const timer = clock.setTimer('timer', atMs, () => fired.push(atMs));
    if (random.unit() < 0.6) {
      timer.cancel();
      timer.cancel();
      cancelled++;
    }
  }
  t.is(clock.pending().length, 5000 - cancelled);
  t.true(clock.fireNext());
  t.is(fired.length, 1);
  clock.advance(1000);
  t.is(fired.length, 5000 - cancelled);
  t.deepEqual(
    fired,
    fired.toSorted((a, b) => a - b),
  );
  t.false(clock.fireNext());
});
