import test from 'ava';
import {
  CYCLE_DEFAULT_MS,
  defaultCycleMs,
  parseCycle,
  SLOW_CYCLE_MS,
} from './device-document-cycle.js';

test('cycles are milliseconds or carry a unit', (t) => {
  const cycles: (readonly [unknown, number | undefined])[] = [
    [250, 250],
    ['250', 250],
    ['10s', 10_000],
    ['500ms', 500],
    ['1.5 m', 90_000],
    ['2h', 7_200_000],
    ['10000000000ns', 10_000],
    [0.2, 1],
    [0, 0],
    [-1, undefined],
    ['-1s', undefined],
    ['1d', undefined],
    ['constructor', undefined],
    ['1constructor', undefined],
    ['', undefined],
    [Number.NaN, undefined],
    [null, undefined],
  ];
  for (const [text, ms] of cycles) t.is(parseCycle(text), ms, JSON.stringify(text));
});

test('a property without a cycle has that of its device, and a slow one no less than ten seconds', (t) => {
  const slow = { poll: 'Slow' };
  t.is(defaultCycleMs({}), CYCLE_DEFAULT_MS);
  t.is(defaultCycleMs({ cycle: '5s' }, { poll: 'normal' }), 5_000);
  t.is(defaultCycleMs({}, slow), SLOW_CYCLE_MS);
  t.is(defaultCycleMs({ cycle: 250 }, slow), SLOW_CYCLE_MS);
  t.is(defaultCycleMs({ cycle: '1m' }, slow), 60_000);
  for (const cycle of [0, 'soon', null, -1, 1e300, {}]) t.is(defaultCycleMs({ cycle }), 1_000);
});
