import { parseDecimal, shortestFloat32 } from '../decimal.js';
import type { Decimal } from '../decimal.js';

/** Numbers in binary frames; the letters say the order of the bytes. */
const NUMBERS = {
  uint8: { bytes: 1, read: (view) => BigInt(view.getUint8(0)) },
  int8: { bytes: 1, read: (view) => BigInt(view.getInt8(0)) },
  uint16be: { bytes: 2, read: (view) => BigInt(view.getUint16(0)) },
  uint16le: { bytes: 2, read: (view) => BigInt(view.getUint16(0, true)) },
  int16be: { bytes: 2, read: (view) => BigInt(view.getInt16(0)) },
  int16le: { bytes: 2, read: (view) => BigInt(view.getInt16(0, true)) },
  uint32be: { bytes: 4, read: (view) => BigInt(view.getUint32(0)) },
  uint32le: { bytes: 4, read: (view) => BigInt(view.getUint32(0, true)) },
  int32be: { bytes: 4, read: (view) => BigInt(view.getInt32(0)) },
  int32le: { bytes: 4, read: (view) => BigInt(view.getInt32(0, true)) },
  uint64be: { bytes: 8, read: (view) => view.getBigUint64(0) },
  uint64le: { bytes: 8, read: (view) => view.getBigUint64(0, true) },
  int64be: { bytes: 8, read: (view) => view.getBigInt64(0) },
  int64le: { bytes: 8, read: (view) => view.getBigInt64(0, true) },
  float32be: { bytes: 4, read: (view) => shortestFloat32(view.getFloat32(0)) },
  float32le: { bytes: 4, read: (view) => shortestFloat32(view.getFloat32(0, true)) },
  float64be: { bytes: 8, read: (view) => view.getFloat64(0) },
  float64le: { bytes: 8, read: (view) => view.getFloat64(0, true) },
} as const satisfies Readonly<
  Record<string, { bytes: number; read(view: DataView): bigint | number }>
>;

export type NumberType = keyof typeof NUMBERS;

export const NUMBER_TYPES = Object.keys(NUMBERS) as NumberType[];

/** How many bytes of a frame it takes. */
export function bytesOf(type: NumberType): number {
  return NUMBERS[type].bytes;
}

/** Undefined when the frame ends before it, null for a float that is no number. */
export function readNumber(
  frame: Uint8Array,
  at: number,
  type: NumberType,
): Decimal | null | undefined {
  const { bytes, read } = NUMBERS[type];
  const from = at < 0 ? frame.length + at : at;
  if (from < 0 || from + bytes > frame.length) return undefined;
  const number = read(new DataView(frame.buffer, frame.byteOffset + from, bytes));
  if (typeof number === 'bigint') return { digits: number, exponent: 0 };
  return parseDecimal(number) ?? null;
}
