import test from 'ava';
import fc from 'fast-check';
import type { PropertyType } from './device.js';
import { EdgeError } from './errors.js';
import { checkValue, formatText, parseText } from './value-check.js';
import type { Value } from './twin.js';

function of(type: PropertyType, range: { minimum?: number; maximum?: number } = {}) {
  return { name: 'level', type, ...range };
}

function codeOf(act: () => unknown): string {
  try {
    return `accepted ${JSON.stringify(act())}`;
  } catch (thrown) {
    if (thrown instanceof EdgeError) return thrown.code;
    throw thrown;
  }
}

const ACCEPTED: readonly (readonly [PropertyType, unknown, Value])[] = [
  ['int', 42, 42],
  ['int', -0, 0],
  ['int', '9007199254740993', '9007199254740993'],
  ['int', '-09223372036854775808', '-9223372036854775808'],
  ['int', '18446744073709551615', '18446744073709551615'],
  ['float', 23.5, 23.5],
  ['double', 1e308, 1e308],
  ['string', 'plain °C, {"json"} and 100 %', 'plain °C, {"json"} and 100 %'],
  ['boolean', false, false],
  ['bytes', 'AP8=', 'AP8='],
  ['bytes', '', ''],
  ['json', null, null],
  ['json', { a: [1, 'x'] }, { a: [1, 'x'] }],
];

const REFUSED: readonly (readonly [PropertyType, unknown, string])[] = [
  ['int', 1.5, 'EDGE_TYPE'],
  ['int', 2 ** 53, 'EDGE_TYPE'],
  ['int', '12', 'EDGE_TYPE'],
  ['int', '18446744073709551616', 'EDGE_TYPE'],
  ['int', '9'.repeat(5000), 'EDGE_TYPE'],
  ['int', 5n, 'EDGE_TYPE'],
  ['float', '23.5', 'EDGE_TYPE'],
  ['float', Number.NaN, 'EDGE_TYPE'],
  ['double', Number.POSITIVE_INFINITY, 'EDGE_TYPE'],
  ['string', 5, 'EDGE_TYPE'],
  ['string', null, 'EDGE_TYPE'],
  ['string', '\ud800', 'EDGE_TYPE'],
  ['string', 'x'.repeat(9000), 'EDGE_LIMIT'],
  ['boolean', 'true', 'EDGE_TYPE'],
  ['boolean', 1, 'EDGE_TYPE'],
  ['bytes', 'not base64', 'EDGE_TYPE'],
  ['bytes', 'AP8', 'EDGE_TYPE'],
  ['json', undefined, 'EDGE_TYPE'],
  ['json', { when: new Date(0) }, 'EDGE_TYPE'],
  ['json', { f: () => 1 }, 'EDGE_TYPE'],
  ['json', JSON.parse('{"__proto__":1}'), 'EDGE_TYPE'],
  ['json', Array(3), 'EDGE_TYPE'],
  ['json', Array(2 ** 31), 'EDGE_LIMIT'],
  ['json', nested(17), 'EDGE_LIMIT'],
];

function nested(levels: number): Value {
  let value: Value = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

for (const [type, value, expected] of ACCEPTED)
  test(`${type} takes ${JSON.stringify(value)}`, (t) => {
    t.deepEqual(checkValue(of(type), value), expected);
  });

REFUSED.forEach(([type, value, code], index) => {
  test(`${type} refuses case ${index} with ${code}`, (t) => {
    t.is(
      codeOf(() => checkValue(of(type), value)),
      code,
    );
  });
});

test('a value that contains itself is refused', (t) => {
  const loop: unknown[] = [];
  loop.push(loop);
  t.is(
    codeOf(() => checkValue(of('json'), loop)),
    'EDGE_LIMIT',
  );
});

test('the range is inclusive and counts for integers of 64 bits too', (t) => {
  const range = { minimum: -5, maximum: 100.5 };
  for (const value of [-5, 100.5, 0]) t.is(checkValue(of('double', range), value), value);
  for (const value of [-5.01, 100.6])
    t.is(
      codeOf(() => checkValue(of('double', range), value)),
      'EDGE_RANGE',
    );
  t.is(
    codeOf(() => checkValue(of('int', range), '9007199254740993')),
    'EDGE_RANGE',
  );
  t.is(checkValue(of('string', range), '500'), '500');
});

test('the message names the property, the value and the rule', (t) => {
  const range = t.throws(() => checkValue(of('int', { maximum: 9 }), 12), {
    instanceOf: EdgeError,
  });
  t.is(range.message, 'property level: 12 is above the maximum of 9');
  t.is(range.hint, 'Send a whole number of at most 64 bits of at most 9.');
  const type = t.throws(() => checkValue(of('boolean'), 'x'.repeat(60)), { instanceOf: EdgeError });
  t.is(type.message, `property level: "${'x'.repeat(40)}..." is not true or false`);
});

test('text becomes what the type says', (t) => {
  t.is(parseText(of('float'), '23.5'), 23.5);
  t.is(parseText(of('double'), ' -1e3 '), -1000);
  t.is(parseText(of('int'), '+7'), 7);
  t.is(parseText(of('int'), '9007199254740993'), '9007199254740993');
  t.is(parseText(of('boolean'), 'true'), true);
  t.is(parseText(of('string'), ' 23.5 '), ' 23.5 ');
  t.deepEqual(parseText(of('json'), '{"a":[1]}'), { a: [1] });
});

test('text that the type does not have is refused', (t) => {
  const refused: (readonly [PropertyType, string, string])[] = [
    ['float', '', 'EDGE_TYPE'],
    ['float', '0x10', 'EDGE_TYPE'],
    ['float', 'Infinity', 'EDGE_TYPE'],
    ['float', '1e400', 'EDGE_TYPE'],
    ['int', '23.0', 'EDGE_TYPE'],
    ['int', '', 'EDGE_TYPE'],
    ['boolean', 'TRUE', 'EDGE_TYPE'],
    ['json', '{', 'EDGE_TYPE'],
    ['json', '['.repeat(4000), 'EDGE_LIMIT'],
    ['string', 'x'.repeat(9000), 'EDGE_LIMIT'],
  ];
  for (const [type, text, code] of refused)
    t.is(
      codeOf(() => parseText(of(type), text)),
      code,
      `${type} ${text.slice(0, 20)}`,
    );
  t.is(
    codeOf(() => parseText(of('int', { maximum: 5 }), '6')),
    'EDGE_RANGE',
  );
});

test('formatted text reads back as the same value', (t) => {
  const back = (type: PropertyType, value: Value): Value => parseText(of(type), formatText(value));
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      t.true(back('double', value) === value);
    }),
  );
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      t.is(back('int', value), value === 0 ? 0 : value);
    }),
  );
  t.is(back('boolean', false), false);
  t.is(back('string', 'true'), 'true');
  t.deepEqual(back('json', { a: null }), { a: null });
});
