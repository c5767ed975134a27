import test from 'ava';
import { ManualClock } from '#protocol/manual-clock.js';
import type { Clock } from '#protocol/clock.js';
import { Alarm } from './alarm.js';

/** `earlyMs`: how long before their time timers ring; Node's do by up to one. */
function bench(earlyMs = 0) {
  const manual = new ManualClock();
  let heldUpMs = 0;
  let timers = 0;
  const clock: Clock = {
    now: () => manual.now() + heldUpMs,
    wallTime: () => 0,
    setTimer: (name, delayMs, fire) => {
      timers += 1;
      return manual.setTimer(name, delayMs - earlyMs, fire);
    },
  };
  const rung: number[] = [];
  const ringing = new Alarm(clock, 'alarm', (nowMs) => rung.push(nowMs));
  const alarm = {
    set: (atMs: number | undefined, isExact?: boolean) => ringing.set(clock.now(), atMs, isExact),
    cancel: () => ringing.cancel(),
  };
  /** The process does not run for so long. */
  const holdUp = (ms: number): void => void (heldUpMs += ms);
  return { manual, alarm, rung, holdUp, timers: () => timers };
}

test('a deadline that moves on with each request costs no timer', (t) => {
  const { manual, alarm, rung, timers } = bench();
  for (let at = 1000; at < 1100; at += 1) alarm.set(at);
  t.is(timers(), 1);
  manual.advance(1000);
  t.deepEqual(rung, [1000], 'in vain at worst: whoever hears it sets it again');
});

test('a near moment goes before a far one, which keeps its timer', (t) => {
  const { manual, alarm, rung, timers } = bench();
  alarm.set(1000);
  alarm.set(1.75);
  alarm.set(1000);
  t.is(timers(), 2);
  manual.advance(2);
  t.deepEqual(rung, [2], 'rounded up');
  manual.advance(998);
  t.deepEqual(rung, [2, 1000]);
});

test('nothing rings after it was unset', (t) => {
  const { manual, alarm, rung } = bench();
  alarm.set(5);
  alarm.set(3);
  alarm.set(undefined);
  manual.advance(10);
  t.deepEqual(rung, []);
});

test('on a busy line the timer of a deadline outlives the moments without one', (t) => {
  const { manual, alarm, timers } = bench();
  for (let at = 0; at < 100; at += 1) {
    alarm.set(manual.now() + 1000);
    manual.advance(1);
    alarm.set(undefined);
  }
  t.is(timers(), 2, 'the first rest cannot know that the line is busy');
});

test('nothing rings after it was cancelled, however busy the line was', (t) => {
  const { manual, alarm, rung } = bench();
  for (let at = 0; at < 3; at += 1) {
    alarm.set(5);
    alarm.set(undefined);
  }
  alarm.cancel();
  manual.advance(10);
  t.deepEqual(rung, []);
});

test('after a hold-up of the process what came meanwhile is heard first, for three turns', (t) => {
  const { manual, alarm, rung, holdUp } = bench();
  alarm.set(100);
  holdUp(500);
  manual.advance(100);
  t.deepEqual(rung, []);
  manual.advance(2);
  t.deepEqual(rung, []);
  manual.advance(1);
  t.deepEqual(rung, [603]);
});

test('an exact moment rings before it, and is told as it is', (t) => {
  const { manual, alarm, rung } = bench();
  alarm.set(1.75, true);
  manual.advance(1);
  t.deepEqual(rung, [1.75]);
});

test('an exact moment that no timer ends before is rounded up', (t) => {
  const { manual, alarm, rung } = bench();
  alarm.set(1.05, true);
  manual.advance(1);
  t.deepEqual(rung, []);
  manual.advance(1);
  t.deepEqual(rung, [2]);
});

test('a timer that rang long before its exact moment tells the time that it is', (t) => {
  const { manual, alarm, rung } = bench(1);
  alarm.set(2.9, true);
  manual.advance(1);
  t.deepEqual(rung, [1], 'sleeping for what is left would be too long');
});

test('after a hold-up an exact moment that is over is not told as if it were now', (t) => {
  const { manual, alarm, rung, holdUp } = bench();
  alarm.set(1.75, true);
  holdUp(5);
  manual.advance(1);
  t.deepEqual(rung, [6]);
});
