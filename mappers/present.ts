import type { PropertyType } from '#protocol/device.js';
import type { Value } from '#protocol/twin.js';
import { toInteger, toNumber, type Decimal } from './decimal.js';
import type { PointResult } from './driver.js';

export type Decoded =
  | {
      readonly ok: true;
      readonly value: Value;
      /** Why the value should not be trusted fully. */
      readonly uncertain?: string;
    }
  | { readonly ok: false; readonly code: 'EDGE_OUT_OF_RANGE' | 'EDGE_TYPE'; readonly why: string };

/** A number of a device as a property of this type shows it. */
export function present(as: PropertyType, number: Decimal): Decoded {
  const whole = toInteger(number);
  switch (as) {
    case 'boolean':
      return { ok: true, value: number.digits !== 0n };
    case 'float':
    case 'double': {
      const value = toNumber(number);
      if (!Number.isFinite(value)) return bad('EDGE_OUT_OF_RANGE', 'no double is that large');
      return { ok: true, value: value === 0 ? 0 : value };
    }
    case 'int':
      if (whole === undefined)
        return bad('EDGE_TYPE', `${toNumber(number)} is not whole, as type INT asks for`);
      return { ok: true, value: integerValue(whole) };
    case 'json':
      return { ok: true, value: whole === undefined ? toNumber(number) : integerValue(whole) };
    case 'string':
      return { ok: true, value: String(whole ?? toNumber(number)) };
    case 'bytes':
      return bad('EDGE_TYPE', 'a number is not bytes');
  }
}

/** A number, or decimal text where a number would not be exact. */
function integerValue(whole: bigint): number | string {
  const number = Number(whole);
  return Number.isSafeInteger(number) ? number : whole.toString();
}

/** A bit, likewise. */
export function truth(as: PropertyType, on: boolean): Decoded {
  switch (as) {
    case 'boolean':
    case 'json':
      return { ok: true, value: on };
    case 'int':
    case 'float':
    case 'double':
      return { ok: true, value: on ? 1 : 0 };
    case 'string':
      return { ok: true, value: String(on) };
    case 'bytes':
      return bad('EDGE_TYPE', 'a bit is not bytes');
  }
}

/** UTF-8, padded with zeros or blanks. */
export function text(bytes: Uint8Array): Decoded {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x20)) end -= 1;
  try {
    const value = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end));
    return { ok: true, value };
  } catch {
    return bad('EDGE_TYPE', 'it is no UTF-8 text');
  }
}

export function bad(code: 'EDGE_OUT_OF_RANGE' | 'EDGE_TYPE', why: string): Decoded {
  return { ok: false, code, why };
}

/** What a driver says of a property when a device sent this, at a Unix time in milliseconds. */
export function resultOf(property: string, decoded: Decoded, timestamp: number): PointResult {
  if (!decoded.ok) {
    const { code: reason, why: detail } = decoded;
    return { property, value: null, quality: 'bad', reason, detail, timestamp };
  }
  const { value, uncertain: detail } = decoded;
  if (detail === undefined) return { property, value, quality: 'good', timestamp };
  const doubt = { reason: 'EDGE_OUT_OF_RANGE', detail } as const;
  return { property, value, quality: 'uncertain', ...doubt, timestamp };
}
