import type { PropertyType } from '#protocol/device.js';
import type { Value } from '#protocol/twin.js';
import {
  divideWhole,
  multiply,
  parseDecimal,
  shortestFloat32,
  toNumber,
  type Decimal,
} from '../decimal.js';
import { bad, present, text, truth, type Decoded } from '../present.js';
import { isBits, type RegisterKind } from './frame.js';

/** What the registers or bits of a property hold. `boolean`: a bit, or a register that is not 0. */
export const WIRE_TYPES = [
  'boolean',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
  'bytes',
] as const;
export type WireType = (typeof WIRE_TYPES)[number];

/**
 * Order of the bytes ABCD of a number of two registers, as they travel. With four registers
 * CDAB and DCBA reverse the registers, BADC and DCBA swap the bytes in each.
 */
export const ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type Order = (typeof ORDERS)[number];

/** Where a property lives on the device and how to read it. */
export interface Visitor {
  readonly kind: RegisterKind;
  /** Address on the wire, from 0. */
  readonly offset: number;
  /** Registers, or bits of coils and discrete inputs. */
  readonly count: number;
  readonly type: WireType;
  readonly order: Order;
  /** value = what the registers hold * scale. Not 0. */
  readonly scale: Decimal;
}

export type Encoded =
  | { readonly ok: true; readonly words: readonly number[] }
  | { readonly ok: false; readonly code: 'EDGE_RANGE' | 'EDGE_TYPE'; readonly why: string };

const WHOLE: Partial<Record<WireType, { registers: number; signed: boolean }>> = {
  int16: { registers: 1, signed: true },
  uint16: { registers: 1, signed: false },
  int32: { registers: 2, signed: true },
  uint32: { registers: 2, signed: false },
  int64: { registers: 4, signed: true },
  uint64: { registers: 4, signed: false },
};

/** Registers of a type; undefined when the visitor's `limit` says it. */
export function registersOf(type: WireType): number | undefined {
  if (type === 'float32') return 2;
  if (type === 'float64') return 4;
  return type === 'boolean' ? 1 : WHOLE[type]?.registers;
}

/** The value that a property of this type has when the device answers with these words. */
export function decode(visitor: Visitor, as: PropertyType, words: readonly number[]): Decoded {
  if (words.length !== visitor.count)
    return bad('EDGE_TYPE', `${words.length} words where ${visitor.count} were expected`);
  if (visitor.type === 'boolean') return truth(as, words[0] !== 0);
  if (visitor.type === 'bytes')
    return { ok: true, value: toBase64(isBits(visitor.kind) ? pack(words) : toBytes(words)) };
  const bytes = toBytes(reorder(words, visitor));
  if (visitor.type === 'string') return text(bytes);
  const raw = readNumber(visitor.type, bytes);
  if (raw === undefined) return bad('EDGE_OUT_OF_RANGE', 'the register holds no number (NaN)');
  return present(as, multiply(raw, visitor.scale));
}

/**
 * The words to write so that reading them back gives exactly this value. Refused, with the
 * nearest thing that can be written in the text, when there are none.
 */
export function encode(visitor: Visitor, as: PropertyType, value: Value): Encoded {
  const words = wordsOf(visitor, value);
  if (!Array.isArray(words)) return words;
  const back = decode(visitor, as, words);
  if (back.ok && back.value === value) return { ok: true, words };
  const held = back.ok ? ` would hold ${JSON.stringify(back.value)}` : ` cannot hold it`;
  return refuse('EDGE_RANGE', `${show(value)}: a ${visitor.type}${held}`);
}

function wordsOf(visitor: Visitor, value: Value): number[] | (Encoded & { ok: false }) {
  const { type, count } = visitor;
  if (type === 'boolean') {
    const bit = value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined;
    return bit === undefined ? refuse('EDGE_TYPE', `${show(value)} is not true or false`) : [bit];
  }
  if (type === 'string' || type === 'bytes') {
    if (typeof value !== 'string') return refuse('EDGE_TYPE', `${show(value)} is not text`);
    const bytes = type === 'bytes' ? fromBase64(value) : new TextEncoder().encode(value);
    if (type === 'bytes' && isBits(visitor.kind)) return unpack(bytes, count);
    if (bytes.length > count * 2 || (type === 'bytes' && bytes.length !== count * 2))
      return refuse('EDGE_RANGE', `${bytes.length} bytes where ${count * 2} have room`);
    const padded = new Uint8Array(count * 2);
    padded.set(bytes);
    const words = toWords(padded);
    return type === 'bytes' ? words : reorder(words, visitor);
  }
  const number = numberOf(value);
  if (number === undefined) return refuse('EDGE_TYPE', `${show(value)} is not a number`);
  return numberWords(visitor, number, value);
}

function numberWords(
  visitor: Visitor,
  number: Decimal,
  value: Value,
): number[] | (Encoded & { ok: false }) {
  const view = new DataView(new ArrayBuffer(visitor.count * 2));
  const whole = WHOLE[visitor.type];
  if (whole === undefined) {
    const unscaled = toNumber(number) / toNumber(visitor.scale);
    if (visitor.type === 'float32') view.setFloat32(0, unscaled);
    else view.setFloat64(0, unscaled);
  } else {
    const raw = divideWhole(number, visitor.scale);
    if (raw === undefined)
      return refuse(
        'EDGE_RANGE',
        `${show(value)} is no multiple of the scale ${toNumber(visitor.scale)}`,
      );
    const bits = whole.registers * 16;
    if ((whole.signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw)) !== raw)
      return refuse('EDGE_RANGE', `${show(value)} does not fit a ${visitor.type}`);
    for (let at = 0; at < whole.registers; at += 1)
      view.setUint16(at * 2, Number((raw >> BigInt(bits - 16 * (at + 1))) & 0xffffn));
  }
  return reorder(toWords(new Uint8Array(view.buffer)), visitor);
}

/** Undefined for NaN and the infinities: no value of a twin. */
function readNumber(type: WireType, bytes: Uint8Array): Decimal | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === 'float32') return parseDecimal(shortestFloat32(view.getFloat32(0)));
  if (type === 'float64') return parseDecimal(view.getFloat64(0));
  const bits = bytes.length * 8;
  const raw = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { digits: WHOLE[type]?.signed === true ? BigInt.asIntN(bits, raw) : raw, exponent: 0 };
}

function numberOf(value: Value): Decimal | undefined {
  if (typeof value === 'boolean') return parseDecimal(value ? 1 : 0);
  return typeof value === 'number' || typeof value === 'string' ? parseDecimal(value) : undefined;
}

/** Both directions: each order is its own inverse. */
function reorder(words: readonly number[], { order }: Visitor): number[] {
  const swapped =
    order === 'BADC' || order === 'DCBA'
      ? words.map((word) => ((word & 0xff) << 8) | (word >> 8))
      : [...words];
  return order === 'CDAB' || order === 'DCBA' ? swapped.reverse() : swapped;
}

function toBytes(words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [(word >> 8) & 0xff, word & 0xff]));
}

function toWords(bytes: Uint8Array): number[] {
  return Array.from(
    { length: bytes.length >> 1 },
    (_, at) => ((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0),
  );
}

function pack(bits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array((bits.length + 7) >> 3);
  bits.forEach((bit, at) => (bytes[at >> 3] = (bytes[at >> 3] ?? 0) | ((bit & 1) << (at & 7))));
  return bytes;
}

function unpack(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(value: string): Uint8Array {
  try {
    return Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}

function refuse(code: 'EDGE_RANGE' | 'EDGE_TYPE', why: string): Encoded & { ok: false } {
  return { ok: false, code, why };
}

function show(value: Value): string {
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 60)}...` : shown;
}
