import test from 'ava';
import fc from 'fast-check';
import {
  NO_VERSION,
  compareVersions,
  equalValues,
  formatVersion,
  parseVersion,
  sameVersion,
  syncState,
} from './twin.js';
import type { Desired, Reported, Value } from './twin.js';

const version = fc.record({ gen: fc.nat(1e9), n: fc.nat(1e9) });

const REPORTED: Reported = {
  version: { gen: 1, n: 9 },
  value: 20,
  quality: 'good',
  timestamp: 0,
  desiredVersion: { gen: 1, n: 5 },
};
const DESIRED: Desired = { version: { gen: 1, n: 5 }, value: 20 };

test('versions compare by generation, then by counter', (t) => {
  t.true(compareVersions({ gen: 1, n: 99 }, { gen: 2, n: 1 }) < 0);
  t.true(compareVersions({ gen: 2, n: 3 }, { gen: 2, n: 2 }) > 0);
  fc.assert(
    fc.property(version, version, (a, b) => {
      t.is(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
      t.is(compareVersions(a, b) === 0, sameVersion(a, b));
      t.true(compareVersions(NO_VERSION, a) <= 0);
    }),
  );
});

test('a version reads back from its text, and no other text is one', (t) => {
  fc.assert(
    fc.property(version, (a) => {
      t.deepEqual(parseVersion(formatVersion(a)), a);
    }),
  );
  for (const text of ['', '1', '1.', '.1', '1.2.3', '-1.2', '1.2 ', '1e3.1', '1.1234567890123456'])
    t.is(parseVersion(text), undefined, text);
});

test('in-sync needs this very version, an equal value, good quality and freshness', (t) => {
  t.deepEqual(syncState(REPORTED, DESIRED, true), { state: 'in-sync' });
  t.deepEqual(syncState(REPORTED, undefined, true), { state: 'in-sync' });
  t.deepEqual(syncState(undefined, DESIRED, true), { state: 'pending' });
  t.deepEqual(syncState(REPORTED, DESIRED, false), { state: 'stale' });
  const uncertain = { ...REPORTED, quality: 'uncertain', reason: 'EDGE_NOT_READ' } as const;
  t.deepEqual(syncState(uncertain, DESIRED, true), { state: 'stale' });
  for (const n of [4, 6])
    t.deepEqual(syncState(REPORTED, { ...DESIRED, version: { gen: 1, n } }, true), {
      state: 'pending',
    });
});

test('a written value that differs or cannot be read has failed, fresh or not', (t) => {
  const differs = { ...REPORTED, value: 21 };
  const bad = { ...REPORTED, quality: 'bad', reason: 'EDGE_DEVICE_TIMEOUT' } as const;
  for (const fresh of [true, false]) {
    t.deepEqual(syncState(differs, DESIRED, fresh), {
      state: 'failed',
      reason: 'EDGE_VALUE_DIFFERS',
    });
    t.deepEqual(syncState(bad, DESIRED, fresh), {
      state: 'failed',
      reason: 'EDGE_DEVICE_TIMEOUT',
    });
  }
  t.deepEqual(syncState({ ...REPORTED, quality: 'bad' }, undefined, true), {
    state: 'failed',
    reason: 'EDGE_INTERNAL',
  });
});

test('values are equal as JSON: keys in any order, nothing else forgiven', (t) => {
  const same: [Value, Value][] = [
    [
      { a: 1, b: [null, { c: 'x' }] },
      { b: [null, { c: 'x' }], a: 1 },
    ],
    [0, -0],
    [[], []],
    [{}, {}],
  ];
  for (const [a, b] of same) t.true(equalValues(a, b), JSON.stringify(a));
  const different: [Value, Value][] = [
    [1, '1'],
    [null, 0],
    [null, {}],
    [[], {}],
    [[1], [1, 2]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, { a: 1, b: 1 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: null }, { b: null }],
    [{ toString: 1 }, { a: 1 }],
  ];
  for (const [a, b] of different) {
    t.false(equalValues(a, b), JSON.stringify([a, b]));
    t.false(equalValues(b, a), JSON.stringify([b, a]));
  }
});

test('a value equals what JSON makes of it', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      t.true(equalValues(value as Value, JSON.parse(JSON.stringify(value)) as Value));
    }),
  );
});
