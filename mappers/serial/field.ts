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
  uint24be: { bytes: 3, read: (view) => unsigned(view, 'be') },
  uint24le: { bytes: 3, read: (view) => unsigned(view, 'le') },
  int24be: { bytes: 3, read: (view) => BigInt.asIntN(24, unsigned(view, 'be')) },
  int24le: { bytes: 3, read: (view) => BigInt.asIntN(24, unsigned(view, 'le')) },
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
  /** Two decimal digits a byte. */
  bcd8: { bytes: 1, read: (view) => decimal(view, 'be') },
  bcd16be: { bytes: 2, read: (view) => decimal(view, 'be') },
  bcd16le: { bytes: 2, read: (view) => decimal(view, 'le') },
  bcd24be: { bytes: 3, read: (view) => decimal(view, 'be') },
  bcd24le: { bytes: 3, read: (view) => decimal(view, 'le') },
  bcd32be: { bytes: 4, read: (view) => decimal(view, 'be') },
  bcd32le: { bytes: 4, read: (view) => decimal(view, 'le') },
} as const satisfies Readonly<
  Record<string, { bytes: number; read(view: DataView): bigint | number }>
>;

export type NumberType = keyof typeof NUMBERS;

export const NUMBER_TYPES = Object.keys(NUMBERS) as NumberType[];

/** How many bytes of a frame it takes. */
export function bytesOf(type: NumberType): number {
  return NUMBERS[type].bytes;
}

function hexOf({ buffer, byteOffset, byteLength }: DataView, order: 'be' | 'le'): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return Buffer.from(order === 'le' ? bytes.toReversed() : bytes).toString('hex');
}

function unsigned(view: DataView, order: 'be' | 'le'): bigint {
  return BigInt(`0x${hexOf(view, order)}`);
}

/** NaN where a half byte is no digit: meters send such bytes for what they do not have. */
function decimal(view: DataView, order: 'be' | 'le'): bigint | number {
  const digits = hexOf(view, order);
  return /^[0-9]+$/.test(digits) ? BigInt(digits) : Number.NaN;
}

/**
 * Undefined when the frame ends before it, null for what is no number. `minus` is taken from each
 * byte first: DL/T 645 sends its data with 0x33 added.
 */
export function readNumber(
  frame: Uint8Array,
  at: number,
  type: NumberType,
  minus = 0,
): Decimal | null | undefined {
  const { bytes, read } = NUMBERS[type];
  const from = at < 0 ? frame.length + at : at;
  if (from < 0 || from + bytes > frame.length) return undefined;
  const field = Uint8Array.from(frame.subarray(from, from + bytes), (byte) => byte - minus);
  const number = read(new DataView(field.buffer));
  if (typeof number === 'bigint') return { digits: number, exponent: 0 };
  return parseDecimal(number) ?? null;
}
