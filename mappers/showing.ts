import type { PropertyType } from '#protocol/device.js';
import { compare, isDecimalAmong, roundTo, toInteger, toNumber, type Decimal } from './decimal.js';
import { bad, present, type Decoded } from './present.js';

/** How what a device sends becomes the value of a property, whatever the protocol. */
export interface Showing {
  /** Digits behind the point that are shown. */
  readonly precision?: number;
  /** A value beyond is shown as the bound, with quality uncertain. */
  readonly clamp?: readonly [Decimal, Decimal];
  /** Numbers, as they are sent, by which the device says that it has no value. */
  readonly invalid?: readonly Decimal[];
  /** Texts of what is sent: by whole number in decimal digits, or by text. */
  readonly names?: ReadonlyMap<string, string>;
}

/** A part of a whole number: its lowest bit, 0 the lowest of all, and its width. */
export interface Bits {
  readonly from: number;
  readonly width: number;
}

/** What needs no scale: that there is no value, or a name. Undefined: a number to be shown. */
export function namedOf({ invalid, names }: Showing, raw: Decimal): Decoded | undefined {
  if (invalid !== undefined && isDecimalAmong(raw, invalid))
    return bad('EDGE_OUT_OF_RANGE', `the device has no value: it says ${toNumber(raw)}`);
  if (names === undefined) return undefined;
  const name = names.get(String(toInteger(raw)));
  if (name !== undefined) return { ok: true, value: name };
  return bad('EDGE_OUT_OF_RANGE', `${toNumber(raw)} has no name in enum`);
}

/** A scaled number, rounded and within its bounds. */
export function shown({ precision, clamp }: Showing, as: PropertyType, scaled: Decimal): Decoded {
  const number = precision === undefined ? scaled : roundTo(scaled, precision);
  const [least, most] = clamp ?? [];
  const bound =
    least !== undefined && compare(number, least) < 0
      ? least
      : most !== undefined && compare(number, most) > 0
        ? most
        : undefined;
  const decoded = present(as, bound ?? number);
  if (bound === undefined || !decoded.ok) return decoded;
  return { ...decoded, uncertain: `${toNumber(number)} is beyond the clamp` };
}

/** These bits as a number; undefined when it has none: a fraction, or below 0. */
export function bitsOf({ from, width }: Bits, raw: Decimal): Decimal | undefined {
  const whole = toInteger(raw);
  if (whole === undefined || whole < 0n) return undefined;
  return { digits: BigInt.asUintN(width, whole >> BigInt(from)), exponent: 0 };
}
