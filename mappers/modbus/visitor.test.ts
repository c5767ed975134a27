import test from 'ava';
import type { PropertyType } from '#protocol/device.js';
import type { Value } from '#protocol/twin.js';
import { float16, toFloat16 } from './float16.js';
import fc from 'fast-check';
import {
  ONE,
  multiply,
  parseDecimal,
  shortestFloat32,
  toNumber,
  type Decimal,
} from '../decimal.js';
import { ORDERS } from './words.js';
import { decode, encode, registersOf, type Visitor, type WireType } from './visitor.js';

const visitor = (type: WireType, more: Partial<Visitor> = {}): Visitor => ({
  kind: 'holding',
  offset: 0,
  count: registersOf(type) ?? 4,
  type,
  order: 'ABCD',
  scale: ONE,
  ...more,
});
const scaled = (scale: number): { scale: Visitor['scale'] } => ({ scale: parseDecimal(scale)! });
const WHOLE = ['int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const;
/** For any length; those of eight letters have a test of their own. */
const order = fc.constantFrom(...ORDERS.slice(0, 4));
const word = fc.integer({ min: 0, max: 0xffff });

test('23.5 is 235 times 0.1, exactly, for every register value and usual scale', (t) => {
  t.deepEqual(decode(visitor('uint16', scaled(0.1)), 'float', [235]), { ok: true, value: 23.5 });
  for (let raw = 0; raw <= 0xffff; raw += 1) {
    const decoded = decode(visitor('uint16', scaled(0.1)), 'float', [raw]);
    const text = `${Math.floor(raw / 10)}.${raw % 10}`;
    if (!decoded.ok || decoded.value !== Number(text)) t.fail(`${raw} * 0.1 is not ${text}`);
  }
});

test('whole numbers of all types and orders go to words and back', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...WHOLE),
      order,
      fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
      (type, o, any) => {
        const bits = Number(/\d+/.exec(type)![0]);
        const exact = type.startsWith('u') ? BigInt.asUintN(bits, any) : BigInt.asIntN(bits, any);
        const small = Number.isSafeInteger(Number(exact));
        const value = small ? Number(exact) : exact.toString();
        const encoded = encode(visitor(type, { order: o }), 'int', value);
        t.true(encoded.ok);
        if (encoded.ok)
          t.deepEqual(decode(visitor(type, { order: o }), 'int', encoded.words), {
            ok: true,
            value,
          });
      },
    ),
  );
});

test('any words decode to a value that encodes to the same words', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...WHOLE),
      order,
      fc.constantFrom(1, 0.1, 0.01, 0.5, 10, 2.5, 1e-3, 1e6),
      fc.array(word, { minLength: 4, maxLength: 4 }),
      (type, o, scale, words) => {
        const v = visitor(type, { order: o, ...scaled(scale) });
        const cut = words.slice(0, v.count);
        // 64 bits times a fraction can be more digits than a double holds: 'json' keeps the rest.
        fc.pre(v.count < 4 || Number.isInteger(scale));
        const decoded = decode(v, Number.isInteger(scale) ? 'int' : 'double', cut);
        t.true(decoded.ok);
        if (decoded.ok)
          t.deepEqual(encode(v, Number.isInteger(scale) ? 'int' : 'double', decoded.value), {
            ok: true,
            words: cut,
          });
      },
    ),
  );
});

test('the four orders are where the bytes of a float travel', (t) => {
  // 123.456 as float32 is 42 F6 E9 79.
  for (const [o, words] of [
    ['ABCD', [0x42f6, 0xe979]],
    ['CDAB', [0xe979, 0x42f6]],
    ['BADC', [0xf642, 0x79e9]],
    ['DCBA', [0x79e9, 0xf642]],
  ] as const) {
    t.deepEqual(decode(visitor('float32', { order: o }), 'float', words), {
      ok: true,
      value: 123.456,
    });
    t.deepEqual(encode(visitor('float32', { order: o }), 'float', 123.456), { ok: true, words });
  }
});

test('a float32 shows the shortest decimal that reads back as the same float32', (t) => {
  t.is(shortestFloat32(Math.fround(230.1)), 230.1);
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const shown = shortestFloat32(value);
      t.true(Math.fround(shown) === Math.fround(value), String(value));
      const digits = String(shown)
        .replace(/e.*/, '')
        .replace(/[-.]/g, '')
        .replace(/^0+|0+$/g, '');
      t.true(digits.length <= 9);
    }),
  );
});

test('float32 and float64 go to words and back in all orders', (t) => {
  fc.assert(
    fc.property(order, fc.double({ noNaN: true, noDefaultInfinity: true }), (o, value) => {
      const wide = visitor('float64', { order: o });
      const encoded = encode(wide, 'double', value);
      t.true(encoded.ok);
      if (encoded.ok)
        t.deepEqual(decode(wide, 'double', encoded.words), {
          ok: true,
          value: value === 0 ? 0 : value,
        });
      const narrow = visitor('float32', { order: o });
      const shown = shortestFloat32(Math.fround(value));
      if (!Number.isFinite(shown)) return;
      t.true(encode(narrow, 'float', shown === 0 ? 0 : shown).ok);
    }),
  );
});

test('what a register cannot hold is refused with what it would hold', (t) => {
  for (const [v, value, code, why] of [
    [visitor('uint16'), 65_536, 'EDGE_RANGE', 'does not fit'],
    [visitor('int16'), 40_000, 'EDGE_RANGE', 'does not fit'],
    [visitor('uint16'), -1, 'EDGE_RANGE', 'does not fit'],
    [visitor('uint16', scaled(0.1)), 23.45, 'EDGE_RANGE', 'no multiple of the scale 0.1'],
    [visitor('uint16', scaled(0.1)), 0.1 + 0.2, 'EDGE_RANGE', 'no multiple'],
    [visitor('float32'), 230.123456789, 'EDGE_RANGE', '230.12346'],
    [visitor('float32'), 1e300, 'EDGE_RANGE', 'cannot hold'],
    [visitor('uint16'), 'much', 'EDGE_TYPE', 'not a number'],
    [visitor('uint16'), { a: 1 }, 'EDGE_TYPE', 'not a number'],
    [visitor('boolean'), 'yes', 'EDGE_TYPE', 'not true or false'],
  ] as const) {
    const encoded = encode(v, v.type === 'boolean' ? 'boolean' : 'double', value);
    t.false(encoded.ok);
    if (encoded.ok) continue;
    t.is(encoded.code, code);
    t.true(encoded.why.includes(why), encoded.why);
  }
});

test('NaN and the infinities are no silent numbers', (t) => {
  for (const words of [
    [0x7fc0, 0],
    [0x7f80, 0],
    [0xff80, 0],
  ]) {
    const decoded = decode(visitor('float32'), 'float', words);
    t.is(decoded.ok ? 'good' : decoded.code, 'EDGE_OUT_OF_RANGE');
  }
  t.deepEqual(decode(visitor('float32'), 'float', [0x8000, 0]), { ok: true, value: 0 });
});

test('integers beyond 2^53 come as decimal text', (t) => {
  t.deepEqual(decode(visitor('uint64'), 'int', [0xffff, 0xffff, 0xffff, 0xffff]), {
    ok: true,
    value: '18446744073709551615',
  });
  t.deepEqual(decode(visitor('int64'), 'int', [0x001f, 0xffff, 0xffff, 0xffff]), {
    ok: true,
    value: Number.MAX_SAFE_INTEGER,
  });
});

test('bits, text and bytes take the form of the property', (t) => {
  t.deepEqual(decode(visitor('boolean', { kind: 'coil', count: 1 }), 'boolean', [1]), {
    ok: true,
    value: true,
  });
  t.deepEqual(decode(visitor('boolean', { kind: 'coil', count: 1 }), 'int', [0]), {
    ok: true,
    value: 0,
  });
  t.deepEqual(decode(visitor('uint16'), 'boolean', [2]), { ok: true, value: true });
  t.deepEqual(decode(visitor('uint16', scaled(0.1)), 'string', [235]), { ok: true, value: '23.5' });
  t.deepEqual(decode(visitor('string'), 'string', [0x4142, 0x4320, 0, 0]), {
    ok: true,
    value: 'ABC',
  });
  t.deepEqual(encode(visitor('string'), 'string', 'ABC'), {
    ok: true,
    words: [0x4142, 0x4300, 0, 0],
  });
  t.false(encode(visitor('string'), 'string', 'far too long').ok);
  t.false(decode(visitor('string'), 'string', [0xff41, 0, 0, 0]).ok);
  const bytes = visitor('bytes', { count: 2 });
  t.deepEqual(decode(bytes, 'bytes', [0x0102, 0xff00]), { ok: true, value: 'AQL/AA==' });
  t.deepEqual(encode(bytes, 'bytes', 'AQL/AA=='), { ok: true, words: [0x0102, 0xff00] });
  const coils = visitor('bytes', { kind: 'coil', count: 10 });
  t.deepEqual(decode(coils, 'bytes', [1, 0, 0, 0, 0, 0, 0, 1, 1, 0]), { ok: true, value: 'gQE=' });
  t.deepEqual(encode(coils, 'bytes', 'gQE='), { ok: true, words: [1, 0, 0, 0, 0, 0, 0, 1, 1, 0] });
});

test('any words of any type decode or are refused, and never give a number that JSON lacks', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom<WireType>('boolean', ...WHOLE, 'float32', 'float64', 'string', 'bytes'),
      order,
      fc.constantFrom('int', 'float', 'double', 'string', 'boolean', 'bytes', 'json'),
      fc.array(word, { maxLength: 6 }),
      (type, o, as, words) => {
        const decoded = decode(visitor(type, { order: o }), as, words);
        if (decoded.ok) t.is(JSON.parse(JSON.stringify(decoded.value)), decoded.value);
        else t.true(decoded.why.length > 0);
      },
    ),
    { numRuns: 3000 },
  );
});

test('decimals are exact', (t) => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const decimal = parseDecimal(value);
      if (decimal !== undefined) t.is(toNumber(decimal), value === 0 ? 0 : value);
    }),
  );
  t.is(toNumber(multiply(parseDecimal('0.1')!, parseDecimal('0.2')!)), 0.02);
  for (const text of ['', '1e999', '1.2.3', 'abc', '--1', '0x10', `1e${'9'.repeat(400)}`])
    t.is(parseDecimal(text), undefined);
});

test('every order of four registers puts each byte where the device has it', (t) => {
  const travelling = new Map([
    ['ABCD', [0x0102, 0x0304, 0x0506, 0x0708]],
    ['ABCDEFGH', [0x0102, 0x0304, 0x0506, 0x0708]],
    ['CDAB', [0x0708, 0x0506, 0x0304, 0x0102]],
    ['GHEFCDAB', [0x0708, 0x0506, 0x0304, 0x0102]],
    ['BADC', [0x0201, 0x0403, 0x0605, 0x0807]],
    ['BADCFEHG', [0x0201, 0x0403, 0x0605, 0x0807]],
    ['DCBA', [0x0807, 0x0605, 0x0403, 0x0201]],
    ['HGFEDCBA', [0x0807, 0x0605, 0x0403, 0x0201]],
    ['EFGHABCD', [0x0506, 0x0708, 0x0102, 0x0304]],
    ['CDABGHEF', [0x0304, 0x0102, 0x0708, 0x0506]],
    ['FEHGBADC', [0x0605, 0x0807, 0x0201, 0x0403]],
    ['DCBAHGFE', [0x0403, 0x0201, 0x0807, 0x0605]],
  ]);
  for (const o of ORDERS) {
    const wide = visitor('uint64', { order: o });
    const value = 0x0102030405060708n.toString();
    t.deepEqual(decode(wide, 'int', travelling.get(o) ?? []), { ok: true, value }, o);
    t.deepEqual(encode(wide, 'int', value), { ok: true, words: travelling.get(o) ?? [] }, o);
  }
});

test('BCD, parts of registers, names and half floats go to words and back', (t) => {
  const both = (v: Visitor, as: PropertyType, words: number[], value: Value): void => {
    t.deepEqual(decode(v, as, words), { ok: true, value });
    const encoded = encode(v, as, value);
    t.true(encoded.ok, JSON.stringify(encoded));
    if (encoded.ok) t.deepEqual(decode(v, as, encoded.words), { ok: true, value });
  };
  both(visitor('bcd16'), 'int', [0x1234], 1234);
  both(visitor('bcd32', { order: 'CDAB' }), 'int', [0x5678, 0x1234], 12_345_678);
  both(visitor('bcd64', scaled(0.01)), 'double', [0, 0, 0x0001, 0x2345], 123.45);
  both(visitor('uint16', { bits: { from: 4, width: 3 } }), 'int', [0xff5f], 5);
  both(visitor('uint16', { bits: { from: 15, width: 1 } }), 'boolean', [0x8000], true);
  both(visitor('int8', { byte: 'high' }), 'int', [0xfe07], -2);
  both(visitor('uint8', { byte: 'low' }), 'int', [0xfe07], 7);
  const names = new Map([
    ['0', 'off'],
    ['3', 'charging'],
  ]);
  both(visitor('uint16', { names }), 'string', [3], 'charging');
  both(visitor('float16'), 'float', [0x3c01], 1.0009765625);
  both(visitor('float16'), 'float', [0xc000], -2);
  both(visitor('string', { byte: 'low', count: 3 }), 'string', [0x41, 0x42, 0x43], 'ABC');
  t.like(decode(visitor('bcd16'), 'int', [0x12a4]), { ok: false, code: 'EDGE_OUT_OF_RANGE' });
  t.like(decode(visitor('uint16', { names }), 'string', [9]), { ok: false });
  t.like(encode(visitor('uint16', { names }), 'string', 'boiling'), { ok: false });
  t.like(encode(visitor('uint16', { bits: { from: 4, width: 3 } }), 'int', 8), { ok: false });
  t.like(encode(visitor('bcd16'), 'int', 12_345), { ok: false, code: 'EDGE_RANGE' });
  t.like(encode(visitor('uint16', { bits: { from: 4, width: 3 } }), 'int', 5), { mask: 0x70 });
});

test('every half float reads as one number and goes back to the same word', (t) => {
  for (let raw = 0; raw <= 0xffff; raw += 1) {
    const value = float16(raw);
    if (Number.isNaN(value)) t.true(Number.isNaN(float16(toFloat16(value))));
    else if (toFloat16(value) !== raw) t.fail(`${raw} is ${value}`);
  }
  t.is(toFloat16(65_519), 0x7bff);
  t.is(toFloat16(65_520), 0x7c00);
});

test('offset, precision, clamp, sentinels and the scale of SunSpec', (t) => {
  const plain = (more: Partial<Visitor>): Visitor => visitor('int16', more);
  const d = (value: number): Decimal => parseDecimal(value)!;
  t.deepEqual(decode(plain({ ...scaled(0.1), add: d(-40) }), 'double', [655]), {
    ok: true,
    value: 25.5,
  });
  t.deepEqual(encode(plain({ ...scaled(0.1), add: d(-40) }), 'double', 25.5), {
    ok: true,
    words: [655],
  });
  t.deepEqual(decode(plain({ ...scaled(0.001), precision: 1 }), 'double', [1250]), {
    ok: true,
    value: 1.3,
  });
  t.deepEqual(decode(plain({ ...scaled(0.001), precision: 1 }), 'double', [0x10000 - 1250]), {
    ok: true,
    value: -1.3,
  });
  const clamped = decode(plain({ clamp: [d(0), d(100)] }), 'int', [120]);
  t.like(clamped, { ok: true, value: 100 });
  t.true(clamped.ok && clamped.uncertain !== undefined);
  t.like(decode(plain({ invalid: [d(-32_768)] }), 'int', [0x8000]), { ok: false });
  const power = visitor('int16', { exponentAt: 9 });
  t.deepEqual(decode(power, 'double', [2305], 0xffff), { ok: true, value: 230.5 });
  t.deepEqual(decode(power, 'int', [23], 2), { ok: true, value: 2300 });
  t.like(decode(power, 'double', [2305], 0x8000), { ok: false });
  t.like(decode(power, 'double', [2305]), { ok: false });
});
