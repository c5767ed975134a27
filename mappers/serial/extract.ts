import type { PropertyType } from '#protocol/device.js';
import { add, isDecimalAmong, multiply, parseDecimal, toNumber } from '../decimal.js';
import type { Decimal } from '../decimal.js';
import { bad, truth } from '../present.js';
import type { Decoded } from '../present.js';
import { bitsOf, namedOf, shown, type Bits, type Showing } from '../showing.js';
import { readNumber } from './field.js';
import type { NumberType } from './field.js';
import { jsonAt } from './json-path.js';
import { findRecord, type MbusPlace } from './mbus-place.js';
import { nmeaFields, nmeaValue } from './nmea.js';
import type { Pattern } from './pattern.js';

/** Where a property stands in the frames of its device. */
export type Place =
  /**
   * A number in a binary frame; `at` from its first byte, negative from its end; `minus` is taken
   * from each of its bytes.
   */
  | {
      readonly kind: 'bytes';
      readonly at: number;
      readonly type: NumberType;
      readonly minus?: number;
    }
  /** What a regular expression in RE2's syntax finds. */
  | { readonly kind: 'pattern'; readonly pattern: Pattern }
  /** Names and indices into a line of JSON. */
  | { readonly kind: 'json'; readonly path: readonly (string | number)[] }
  /** A column of separated text, from 0; several blanks separate as one does. */
  | { readonly kind: 'column'; readonly column: number; readonly separator: string }
  /** A field of an NMEA 0183 sentence, the first after the sentence's name is 1. */
  | { readonly kind: 'nmea'; readonly sentence: string; readonly field: number }
  /** An OBIS code of a meter's telegram (IEC 62056-61), as `1-0:1.8.1(001234.567*kWh)`. */
  | { readonly kind: 'obis'; readonly code: string }
  | MbusPlace;

export interface Visitor extends Showing {
  readonly place: Place;
  /** Only frames that begin with it hold the property. */
  readonly startsWith: Uint8Array;
  /** value = what stands there * scale + offset. */
  readonly scale: Decimal;
  readonly offset: Decimal;
  /** A part of the number that stands there. A width of 1 is a truth. */
  readonly bits?: Bits;
}

/** Null is a float that is no number. */
type Found = Decimal | string | boolean | null;

/** The value in this frame; undefined when the property is not in frames of this kind. */
export function extract(
  visitor: Visitor,
  as: PropertyType,
  frame: Uint8Array,
): Decoded | undefined {
  const { startsWith } = visitor;
  if (!startsWith.every((byte, index) => frame[index] === byte)) return undefined;
  const found = find(visitor.place, frame);
  if (found === undefined) return undefined;
  if (found === null) {
    const none =
      visitor.place.kind === 'record'
        ? 'the telegram has no value of it'
        : 'the sensor sent no number (NaN)';
    return bad('EDGE_OUT_OF_RANGE', none);
  }
  if (typeof found === 'boolean') return truthOf(visitor, as, found);
  return typeof found === 'string' ? said(visitor, as, found) : presented(visitor, as, found);
}

function truthOf(visitor: Visitor, as: PropertyType, found: boolean): Decoded {
  const name = visitor.names?.get(String(found));
  return name === undefined ? truth(as, found) : { ok: true, value: name };
}

function said(visitor: Visitor, as: PropertyType, found: string): Decoded {
  const { names, invalid = [], bits, precision, clamp } = visitor;
  const text = found.trim();
  if (text === '') return bad('EDGE_OUT_OF_RANGE', 'the sensor left it empty');
  const number = parseDecimal(text);
  const isNone = number !== undefined && isDecimalAmong(number, invalid);
  const name = isNone || bits !== undefined ? undefined : names?.get(text);
  if (name !== undefined) return { ok: true, value: name };
  const isAsSent = [names, bits, precision, clamp].every((one) => one === undefined);
  if (as === 'string' && isAsSent) return { ok: true, value: found };
  if (number !== undefined) return presented(visitor, as, number);
  const quoted = JSON.stringify(found.slice(0, 40));
  return names === undefined
    ? bad('EDGE_TYPE', `${quoted} is not a number`)
    : bad('EDGE_OUT_OF_RANGE', `${quoted} has no name in enum`);
}

function presented(visitor: Visitor, as: PropertyType, number: Decimal): Decoded {
  const { bits, scale, offset } = visitor;
  const raw = bits === undefined ? number : bitsOf(bits, number);
  if (raw === undefined) return bad('EDGE_TYPE', `${toNumber(number)} has no bits`);
  const named = namedOf(visitor, raw);
  if (named !== undefined) return named;
  if (bits?.width === 1) return truth(as, raw.digits === 1n);
  return shown(visitor, as, add(multiply(raw, scale), offset));
}

function find(place: Place, frame: Uint8Array): Found | undefined {
  switch (place.kind) {
    case 'bytes':
      return readNumber(frame, place.at, place.type, place.minus);
    case 'pattern':
      return place.pattern(textOf(frame));
    case 'json': {
      const value = jsonAt(frame, place.path);
      if (typeof value === 'number') return parseDecimal(value);
      return typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
    }
    case 'column':
      return columnOf(textOf(frame), place.column, place.separator);
    case 'nmea': {
      const fields = nmeaFields(textOf(frame), place.sentence);
      return fields === undefined ? undefined : nmeaValue(fields, place.field);
    }
    case 'obis':
      return obis(textOf(frame), place.code);
    case 'record':
      return findRecord(place, frame);
  }
}

function columnOf(text: string, column: number, separator: string): string | undefined {
  const columns = separator === ' ' ? text.trim().split(/ +/) : text.split(separator);
  return columns[column]?.trim();
}

/** The last group in brackets, without its unit: gas meters put a time before the value. */
function obis(text: string, code: string): string | undefined {
  for (let at = text.indexOf(code); at >= 0; at = text.indexOf(code, at + 1)) {
    const isWhole = at === 0 || text[at - 1] === '\n' || text[at - 1] === '\r';
    const end = text.slice(at).search(/[\r\n]|$/);
    const line = text.slice(at, at + end);
    if (!isWhole || line[code.length] !== '(' || !line.endsWith(')')) continue;
    return line.slice(line.lastIndexOf('(') + 1, -1).split('*')[0];
  }
  return undefined;
}

/** Each byte a character: sensors speak ASCII, and noise must not turn into replacement marks. */
function textOf(frame: Uint8Array): string {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString('latin1');
}
