import test from 'ava';
import fc from 'fast-check';
import { ONE, parseDecimal, type Decimal } from './decimal.js';
import { decode, type Visitor } from './modbus/visitor.js';
import { extract, type Visitor as Sensed } from './serial/extract.js';
import { bitsOf, namedOf, shown, type Showing } from './showing.js';

const decimal = (number: number): Decimal => parseDecimal(number) ?? ONE;

test('property: bits of a number are those that a shift and a mask find', (t) => {
  const arbitrary = fc.tuple(fc.nat(0xffff_ffff), fc.nat(31), fc.integer({ min: 1, max: 32 }));
  fc.assert(
    fc.property(arbitrary, ([number, from, width]) => {
      const found = bitsOf({ from, width }, decimal(number))?.digits;
      t.is(found, BigInt(Math.floor(number / 2 ** from) % 2 ** width));
    }),
  );
  for (const none of [-1, 0.5]) t.is(bitsOf({ from: 0, width: 1 }, decimal(none)), undefined);
});

test('property: what is shown is within the clamp, of so many digits, and sure only when it was', (t) => {
  const hundredth = fc.integer({ min: -20_000, max: 20_000 }).map((n) => n / 100);
  fc.assert(
    fc.property(hundredth, fc.nat(3), (number, precision) => {
      const showing: Showing = { precision, clamp: [decimal(-50), decimal(50)] };
      const decoded = shown(showing, 'double', decimal(number));
      if (!decoded.ok) throw new TypeError(decoded.why);
      const value = decoded.value as number;
      const unit = 10 ** -precision;
      t.true(value >= -50 && value <= 50);
      t.is(value, Number(value.toFixed(precision)));
      const isSure = decoded.uncertain === undefined;
      t.is(isSure, Math.abs(Math.round(Math.abs(number) / unit + 1e-9) * unit) <= 50);
      if (isSure) t.true(Math.abs(value - number) <= unit / 2 + 1e-9);
    }),
  );
});

test('property: a number has its own name or none, also when it ends in zeros or is a fraction', (t) => {
  const names = new Map([1, 2, 100, -3].map((key) => [String(key), `name ${key}`]));
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: -5, max: 2000 }), fc.double({ noNaN: true, min: 0, max: 3 })),
      (number) => {
        const raw = parseDecimal(number);
        if (raw === undefined) return;
        const named = namedOf({ names }, raw);
        const name = names.get(String(number === 0 ? 0 : number));
        t.is(named?.ok === true ? named.value : undefined, name);
      },
    ),
  );
  t.is(namedOf({}, ONE), undefined);
});

test('both protocols name, bound and round alike', (t) => {
  const register: Visitor = {
    ...{ kind: 'holding', offset: 0, count: 2, type: 'float32', order: 'ABCD', scale: ONE },
  };
  const place: Sensed = {
    ...{ place: { kind: 'bytes', at: 0, type: 'float32be' }, startsWith: new Uint8Array(0) },
    ...{ scale: ONE, offset: decimal(0) },
  };
  const showings: readonly Showing[] = [
    {
      names: new Map([
        ['1', 'one'],
        ['10', 'ten'],
      ]),
    },
    { precision: 1, clamp: [decimal(0), decimal(20)] },
    { invalid: [decimal(10)] },
  ];
  for (const showing of showings)
    for (const number of [0.1, 1, 10, 10.25, 100, -7]) {
      const bytes = new DataView(new ArrayBuffer(4));
      bytes.setFloat32(0, number);
      const as = showing.names === undefined ? 'double' : 'string';
      const words = [bytes.getUint16(0), bytes.getUint16(2)];
      const asRegister = decode({ ...register, ...showing }, as, words);
      t.deepEqual(extract({ ...place, ...showing }, as, new Uint8Array(bytes.buffer)), asRegister);
      if (showing.names !== undefined)
        t.is(asRegister.ok && asRegister.value, number === 1 ? 'one' : number === 10 && 'ten');
    }
});
