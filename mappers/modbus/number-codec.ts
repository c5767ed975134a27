import { parseDecimal, shortestFloat32, toNumber, type Decimal } from '../decimal.js';
import { float16, toFloat16 } from './float16.js';
import { inOrder, fromOrdered, toBytes, toWords, type Order } from './words.js';

/** Numbers that registers hold. `bcd`: four decimal digits a register. */
export const NUMBER_TYPES = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float16',
  'float32',
  'float64',
  'bcd16',
  'bcd32',
  'bcd64',
] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];

interface Whole {
  readonly bits: number;
  readonly signed: boolean;
}
const WHOLE: Partial<Record<NumberType, Whole>> = {
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int32: { bits: 32, signed: true },
  uint32: { bits: 32, signed: false },
  int64: { bits: 64, signed: true },
  uint64: { bits: 64, signed: false },
};
const OTHERS: Partial<Record<NumberType, number>> = {
  float16: 1,
  float32: 2,
  float64: 4,
  bcd16: 1,
  bcd32: 2,
  bcd64: 4,
};

export function isFloat(type: string): boolean {
  return type === 'float16' || type === 'float32' || type === 'float64';
}

export function numberRegisters(type: NumberType): number {
  return OTHERS[type] ?? Math.ceil((WHOLE[type]?.bits ?? 16) / 16);
}

/** Undefined for NaN, the infinities, and digits beyond 9 in BCD: no number. */
export function readNumber(
  type: NumberType,
  travelled: readonly number[],
  order: Order,
): Decimal | undefined {
  const words = inOrder(travelled, order);
  const bytes = toBytes(words);
  const view = new DataView(bytes.buffer);
  switch (type) {
    case 'float16':
      return parseDecimal(float16(words[0] ?? 0));
    case 'float32':
      return parseDecimal(shortestFloat32(view.getFloat32(0)));
    case 'float64':
      return parseDecimal(view.getFloat64(0));
    case 'bcd16':
    case 'bcd32':
    case 'bcd64': {
      const digits = words.map((word) => word.toString(16).padStart(4, '0')).join('');
      return /^\d+$/.test(digits) ? { digits: BigInt(digits), exponent: 0 } : undefined;
    }
    default: {
      const { bits, signed } = WHOLE[type] ?? { bits: 16, signed: false };
      const raw = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      return { digits: signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw), exponent: 0 };
    }
  }
}

/** The words that hold a number, or undefined when it does not fit. `whole` is it, when it is one. */
export function writeNumber(
  type: NumberType,
  number: Decimal,
  whole: bigint | undefined,
  order: Order,
): number[] | undefined {
  const view = new DataView(new ArrayBuffer(numberRegisters(type) * 2));
  if (type === 'float16') view.setUint16(0, toFloat16(toNumber(number)));
  else if (type === 'float32') view.setFloat32(0, toNumber(number));
  else if (type === 'float64') view.setFloat64(0, toNumber(number));
  else if (whole === undefined) return undefined;
  else {
    const digits = numberRegisters(type) * 4;
    const isBcd = WHOLE[type] === undefined;
    if (isBcd && (whole < 0n || whole >= 10n ** BigInt(digits))) return undefined;
    const { bits, signed } = WHOLE[type] ?? { bits: digits * 4, signed: false };
    const raw = isBcd ? BigInt(`0x${whole}`) : whole;
    if ((signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw)) !== raw) return undefined;
    const unsigned = BigInt.asUintN(bits, raw);
    const last = view.byteLength - 2;
    for (let at = 0; at <= last; at += 2)
      view.setUint16(at, Number((unsigned >> BigInt((last - at) * 8)) & 0xffffn));
  }
  return fromOrdered(toWords(new Uint8Array(view.buffer)), order);
}
