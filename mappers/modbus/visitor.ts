import type { PropertyType } from '#protocol/device.js';
import type { Value } from '#protocol/twin.js';
import {
  add,
  divideWhole,
  multiply,
  negate,
  parseDecimal,
  toNumber,
  type Decimal,
} from '../decimal.js';
import { bad, text, truth, type Decoded } from '../present.js';
import { namedOf, shown, type Bits, type Showing } from '../showing.js';
import { isBits, type RegisterKind } from './frame.js';
import {
  isFloat,
  NUMBER_TYPES,
  numberRegisters,
  readNumber,
  writeNumber,
  type NumberType,
} from './number-codec.js';
import {
  fromBase64,
  fromOrdered,
  inOrder,
  packBits,
  toBase64,
  toBytes,
  toWords,
  unpackBits,
  type Order,
} from './words.js';

/** What the registers or bits of a property hold. `boolean`: a bit, or a register that is not 0. */
export const WIRE_TYPES = ['boolean', ...NUMBER_TYPES, 'string', 'bytes'] as const;
export type WireType = (typeof WIRE_TYPES)[number];

/** Where a property lives on the device and how to read it. */
export interface Visitor extends Showing {
  readonly kind: RegisterKind;
  /** Address on the wire, from 0. */
  readonly offset: number;
  /** Registers, or bits of coils and discrete inputs. */
  readonly count: number;
  readonly type: WireType;
  readonly order: Order;
  /** value = what the registers hold * scale + add. Not 0. */
  readonly scale: Decimal;
  readonly add?: Decimal;
  /** A part of the register. A width of 1 is a truth. */
  readonly bits?: Bits;
  /** The half of the register that an 8-bit number is in, or of each register a character is in. */
  readonly byte?: 'high' | 'low';
  /** Address of an int16 n in the same kind of register: the value is also times 10^n (SunSpec). */
  readonly exponentAt?: number;
}

export type Encoded =
  | {
      readonly ok: true;
      readonly words: readonly number[];
      /** The bits of the one register that are written; the others stay as they are. */
      readonly mask?: number;
    }
  | { readonly ok: false; readonly code: 'EDGE_RANGE' | 'EDGE_TYPE'; readonly why: string };
type Refused = Encoded & { ok: false };

/** Registers of a type; undefined when the visitor's `limit` says it. */
export function registersOf(type: WireType): number | undefined {
  if (type === 'string' || type === 'bytes') return undefined;
  return type === 'boolean' ? 1 : numberRegisters(type);
}

const EXPONENT_ABSENT = 0x8000;
const EXPONENT_MAX = 10;

/**
 * The value that a property of this type has when the device answers with these words, and with
 * the exponent's register when the visitor has one.
 */
export function decode(
  visitor: Visitor,
  as: PropertyType,
  words: readonly number[],
  exponent?: number,
): Decoded {
  if (words.length !== visitor.count)
    return bad('EDGE_TYPE', `${words.length} words where ${visitor.count} were expected`);
  const { type } = visitor;
  if (type === 'bytes')
    return { ok: true, value: toBase64(isBits(visitor.kind) ? packBits(words) : toBytes(words)) };
  if (type === 'string') return text(textBytes(visitor, words));
  if (type === 'boolean') return truth(as, words[0] !== 0);
  const raw = readRaw(visitor, type, words);
  if (raw === undefined) return bad('EDGE_OUT_OF_RANGE', 'the register holds no number');
  const named = namedOf(visitor, raw);
  if (named !== undefined) return named;
  if (visitor.bits?.width === 1) return truth(as, raw.digits === 1n);
  const scale = scaleOf(visitor, exponent);
  if (scale === undefined) return bad('EDGE_OUT_OF_RANGE', 'the device has no scale for it');
  const scaled = multiply(raw, scale);
  return shown(visitor, as, visitor.add === undefined ? scaled : add(scaled, visitor.add));
}

/**
 * The words to write so that reading them back gives exactly this value. Refused, with the
 * nearest thing that can be written in the text, when there are none.
 */
export function encode(
  visitor: Visitor,
  as: PropertyType,
  value: Value,
  exponent?: number,
): Encoded {
  const words = wordsOf(visitor, value, exponent);
  if (!Array.isArray(words)) return words;
  const back = decode(visitor, as, words, exponent);
  if (back.ok && back.value === value) {
    const mask = maskOf(visitor);
    return { ok: true, words, ...(mask === undefined ? {} : { mask }) };
  }
  const held = back.ok ? ` would hold ${JSON.stringify(back.value)}` : ` cannot hold it`;
  return refuse('EDGE_RANGE', `${show(value)}: a ${visitor.type}${held}`);
}

/** The bits of its register that a visitor is about, when it is not all of them. */
export function maskOf({ bits, byte, type }: Visitor): number | undefined {
  if (bits !== undefined) return ((1 << bits.width) - 1) << bits.from;
  if (byte === undefined || type === 'string') return undefined;
  return byte === 'high' ? 0xff00 : 0x00ff;
}

function scaleOf(
  { scale, exponentAt }: Visitor,
  exponent: number | undefined,
): Decimal | undefined {
  if (exponentAt === undefined) return scale;
  const power = exponent === undefined ? undefined : (exponent << 16) >> 16;
  if (exponent === EXPONENT_ABSENT || power === undefined || Math.abs(power) > EXPONENT_MAX)
    return undefined;
  return multiply(scale, { digits: 1n, exponent: power });
}

function readRaw(
  visitor: Visitor,
  type: NumberType,
  words: readonly number[],
): Decimal | undefined {
  const mask = maskOf(visitor);
  if (mask === undefined) return readNumber(type, words, visitor.order);
  const [word = 0] = inOrder(words, visitor.order);
  const part = (word & mask) >> shiftOf(mask);
  return visitor.bits === undefined
    ? readNumber(type, [part], 'ABCD')
    : { digits: BigInt(part), exponent: 0 };
}

function wordsOf(visitor: Visitor, value: Value, exponent?: number): number[] | Refused {
  const { type, count, names } = visitor;
  if (type === 'string' || type === 'bytes') return textWords(visitor, value);
  if (type === 'boolean' || visitor.bits?.width === 1) {
    const bit = value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined;
    if (bit === undefined) return refuse('EDGE_TYPE', `${show(value)} is not true or false`);
    if (type === 'boolean') return [bit, ...new Array<number>(count - 1).fill(0)];
    return fromOrdered([bit << (visitor.bits?.from ?? 0)], visitor.order);
  }
  const named = names === undefined ? value : keyOf(names, value);
  if (named === undefined) {
    const known = [...(names?.values() ?? [])].slice(0, 8).join(', ');
    return refuse('EDGE_RANGE', `${show(value)} is none of ${known}`);
  }
  const number = numberOf(named);
  if (number === undefined) return refuse('EDGE_TYPE', `${show(value)} is not a number`);
  const scale = names === undefined ? scaleOf(visitor, exponent) : visitor.scale;
  if (scale === undefined) return refuse('EDGE_RANGE', 'the device has no scale for it');
  const unbiased = visitor.add === undefined ? number : add(number, negate(visitor.add));
  const whole = divideWhole(unbiased, scale);
  if (whole === undefined && !isFloat(type))
    return refuse('EDGE_RANGE', `${show(value)} is no multiple of the scale ${toNumber(scale)}`);
  const unscaled = parseDecimal(toNumber(unbiased) / toNumber(scale));
  if (unscaled === undefined) return refuse('EDGE_RANGE', `${show(value)} is too large`);
  return numberWords(visitor, type, unscaled, whole, value);
}

function numberWords(
  visitor: Visitor,
  type: NumberType,
  unscaled: Decimal,
  whole: bigint | undefined,
  value: Value,
): number[] | Refused {
  const tooLarge = `${show(value)} does not fit a ${type}`;
  const mask = maskOf(visitor);
  if (mask === undefined)
    return writeNumber(type, unscaled, whole, visitor.order) ?? refuse('EDGE_RANGE', tooLarge);
  const width = visitor.bits?.width ?? 8;
  const [part] =
    visitor.bits === undefined
      ? (writeNumber(type, unscaled, whole, 'ABCD') ?? [])
      : whole === undefined || whole < 0n || whole >= 1n << BigInt(width)
        ? []
        : [Number(whole)];
  if (part === undefined) return refuse('EDGE_RANGE', tooLarge);
  return fromOrdered([(part << shiftOf(mask)) & mask], visitor.order);
}

function textBytes({ order, byte }: Visitor, words: readonly number[]): Uint8Array {
  const bytes = toBytes(inOrder(words, order));
  if (byte === undefined) return bytes;
  return bytes.filter((_, at) => at % 2 === (byte === 'high' ? 0 : 1));
}

function textWords(visitor: Visitor, value: Value): number[] | Refused {
  const { type, count, order, byte } = visitor;
  if (typeof value !== 'string') return refuse('EDGE_TYPE', `${show(value)} is not text`);
  const bytes = type === 'bytes' ? fromBase64(value) : new TextEncoder().encode(value);
  if (type === 'bytes' && isBits(visitor.kind)) return unpackBits(bytes, count);
  const room = byte === undefined || type === 'bytes' ? count * 2 : count;
  if (bytes.length > room || (type === 'bytes' && bytes.length !== room))
    return refuse('EDGE_RANGE', `${bytes.length} bytes where ${room} have room`);
  const padded = new Uint8Array(count * 2);
  if (room === count * 2) padded.set(bytes);
  else bytes.forEach((one, at) => (padded[at * 2 + (byte === 'high' ? 0 : 1)] = one));
  const words = toWords(padded);
  return type === 'bytes' ? words : fromOrdered(words, order);
}

function shiftOf(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

function keyOf(names: ReadonlyMap<string, string>, value: Value): string | undefined {
  for (const [key, name] of names) if (name === value) return key;
  return undefined;
}

function numberOf(value: Value): Decimal | undefined {
  if (typeof value === 'boolean') return parseDecimal(value ? 1 : 0);
  return typeof value === 'number' || typeof value === 'string' ? parseDecimal(value) : undefined;
}

function refuse(code: 'EDGE_RANGE' | 'EDGE_TYPE', why: string): Refused {
  return { ok: false, code, why };
}

function show(value: Value): string {
  const shownValue = JSON.stringify(value);
  return shownValue.length > 60 ? `${shownValue.slice(0, 60)}...` : shownValue;
}
