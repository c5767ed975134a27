import test from 'ava';
import fc from 'fast-check';
import { canonicalJson, digestRows, fnv1a64 } from './digest.js';
import type { DigestRow } from './digest.js';

const ROWS: readonly DigestRow[] = [
  { property: 'b', version: { gen: 1, n: 3 }, value: { x: 1, a: [true, null] } },
  { property: 'a', version: { gen: 1, n: 12 }, value: 23.5 },
];

test('the hash is FNV-1a 64: its published vectors', (t) => {
  const hash = (text: string): string => fnv1a64(new TextEncoder().encode(text));
  t.is(hash(''), 'cbf29ce484222325');
  t.is(hash('a'), 'af63dc4c8601ec8c');
  t.is(hash('foobar'), '85944171f73967e8');
});

test('the hash agrees with arithmetic of 64 bits on any bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      let exact = 0xcbf29ce484222325n;
      for (const byte of bytes) exact = BigInt.asUintN(64, (exact ^ BigInt(byte)) * 0x100000001b3n);
      t.is(fnv1a64(bytes), exact.toString(16).padStart(16, '0'));
    }),
  );
  t.pass();
});

test('neither the order of rows nor the order of keys matters', (t) => {
  const turned: DigestRow[] = [{ ...ROWS[1]! }, { ...ROWS[0]!, value: { a: [true, null], x: 1 } }];
  t.is(digestRows(turned), digestRows(ROWS));
});

test('any change of a property, a version or a value changes the digest', (t) => {
  const [first, second] = ROWS as [DigestRow, DigestRow];
  const others: DigestRow[][] = [
    [],
    [first],
    [first, { ...second, property: 'c' }],
    [first, { ...second, version: { gen: 2, n: 12 } }],
    [first, { ...second, version: { gen: 1, n: 13 } }],
    [first, { ...second, version: { gen: 11, n: 2 } }],
    [first, { ...second, value: '23.5' }],
    [{ ...first, value: { x: 1, a: [null, true] } }, second],
    [
      { ...first, value: second.value },
      { ...second, value: first.value },
    ],
  ];
  const digests = [ROWS, ...others].map((rows) => digestRows(rows));
  t.is(new Set(digests).size, digests.length);
  for (const digest of digests) t.regex(digest, /^[0-9a-f]{16}$/);
});

test('canonical JSON is JSON of the same value with sorted keys', (t) => {
  t.is(canonicalJson({ b: [1, { d: null, c: 'x' }], a: -0 }), '{"a":0,"b":[1,{"c":"x","d":null}]}');
});
