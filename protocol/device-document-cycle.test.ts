import test from 'ava';
import { parseCycle } from './device-document-cycle.js';

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
