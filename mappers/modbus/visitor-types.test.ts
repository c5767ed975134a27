import fc from 'fast-check';
import test from 'ava';
import { ONE } from '../decimal.js';
import { decode, encode, registersOf, type Visitor, type WireType } from './visitor.js';
import { ORDERS, type Order } from './words.js';

/** Where each byte of a number stands by the letters of an order, from the definition of orders. */
function travelled(bytes: readonly number[], order: Order): number[] {
  const pairs = Array.from({ length: bytes.length / 2 }, (_, at) =>
    bytes.slice(at * 2, at * 2 + 2),
  );
  if (order.length === 8) {
    const moved = Array.from(order, (letter) => bytes['ABCDEFGH'.indexOf(letter)] ?? 0);
    return wordsOf(moved);
  }
  const swapped =
    order === 'BADC' || order === 'DCBA' ? pairs.map((pair) => pair.toReversed()) : pairs;
  return wordsOf((order === 'CDAB' || order === 'DCBA' ? swapped.toReversed() : swapped).flat());
}

function wordsOf(bytes: readonly number[]): number[] {
  return Array.from(
    { length: bytes.length / 2 },
    (_, at) => ((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0),
  );
}

function visitor(type: WireType, order: Order, more: Partial<Visitor> = {}): Visitor {
  return {
    kind: 'holding',
    offset: 0,
    count: registersOf(type) ?? 1,
    type,
    order,
    scale: ONE,
    ...more,
  };
}

function ordersOf(type: WireType): readonly Order[] {
  return ORDERS.filter((order) => order.length === 4 || registersOf(type) === 4);
}

/** The bytes of a number from the most significant on, by Node's own writers. */
const BYTES: Readonly<Record<string, (value: bigint | number) => Buffer>> = {
  int16: (value) => buffer(2, (b) => b.writeInt16BE(Number(value))),
  uint16: (value) => buffer(2, (b) => b.writeUInt16BE(Number(value))),
  int32: (value) => buffer(4, (b) => b.writeInt32BE(Number(value))),
  uint32: (value) => buffer(4, (b) => b.writeUInt32BE(Number(value))),
  int64: (value) => buffer(8, (b) => b.writeBigInt64BE(BigInt(value))),
  uint64: (value) => buffer(8, (b) => b.writeBigUInt64BE(BigInt(value))),
  float32: (value) => buffer(4, (b) => b.writeFloatBE(Number(value))),
  float64: (value) => buffer(8, (b) => b.writeDoubleBE(Number(value))),
  bcd16: (value) => Buffer.from(value.toString().padStart(4, '0'), 'hex'),
  bcd32: (value) => Buffer.from(value.toString().padStart(8, '0'), 'hex'),
  bcd64: (value) => Buffer.from(value.toString().padStart(16, '0'), 'hex'),
};

function buffer(length: number, write: (into: Buffer) => void): Buffer {
  const into = Buffer.alloc(length);
  write(into);
  return into;
}

const WHOLE: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  bcd16: [0n, 9_999n],
  bcd32: [0n, 99_999_999n],
  bcd64: [0n, 9_999_999_999_999_999n],
};

for (const [type, [least, most]] of Object.entries(WHOLE))
  test(`${type} in every order: each byte where it belongs, and back`, (t) => {
    for (const order of ordersOf(type as WireType))
      fc.assert(
        fc.property(fc.bigInt(least, most), (exact) => {
          const value = Number.isSafeInteger(Number(exact)) ? Number(exact) : exact.toString();
          const words = travelled([...(BYTES[type]?.(exact) ?? [])], order);
          const described = visitor(type as WireType, order);
          t.deepEqual(decode(described, 'int', words), { ok: true, value });
          t.deepEqual(encode(described, 'int', value), { ok: true, words });
        }),
        { numRuns: 25 },
      );
  });

for (const type of ['float32', 'float64'] as const)
  test(`${type} in every order: each byte where it belongs, and back`, (t) => {
    for (const order of ordersOf(type))
      fc.assert(
        fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), (eighths) => {
          const value = eighths / 8 + 0;
          const words = travelled([...(BYTES[type]?.(value) ?? [])], order);
          const described = visitor(type, order);
          t.deepEqual(decode(described, 'double', words), { ok: true, value });
          t.deepEqual(encode(described, 'double', value), { ok: true, words });
        }),
        { numRuns: 25 },
      );
  });

test('halves of a register and runs of bits: read where they stand, written under their mask', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 15 }),
      (word, from) => {
        for (const byte of ['high', 'low'] as const) {
          const raw = byte === 'high' ? word >> 8 : word & 0xff;
          const eight = (type: WireType): Visitor => visitor(type, 'ABCD', { byte, count: 1 });
          t.like(decode(eight('uint8'), 'int', [word]), { ok: true, value: raw });
          t.like(decode(eight('int8'), 'int', [word]), { ok: true, value: (raw << 24) >> 24 });
          const mask = byte === 'high' ? 0xff00 : 0xff;
          const written = encode(eight('uint8'), 'int', raw);
          t.like(written, { ok: true, mask });
          if (written.ok) t.is((written.words[0] ?? 0) & mask, word & mask);
        }
        for (let width = 2; from + width <= 16; width += 1) {
          const run = visitor('uint16', 'ABCD', { bits: { from, width } });
          const value = (word >> from) & ((1 << width) - 1);
          t.like(decode(run, 'int', [word]), { ok: true, value });
          const written = encode(run, 'int', value);
          const mask = ((1 << width) - 1) << from;
          t.like(written, { ok: true, mask });
          if (written.ok) t.is((written.words[0] ?? 0) & mask, word & mask);
        }
      },
    ),
    { numRuns: 60 },
  );
});
