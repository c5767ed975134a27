import type { PropertyType } from '#protocol/device.js';
import { add, multiply, parseDecimal } from '../decimal.js';
import type { Decimal } from '../decimal.js';
import { bad, present, truth } from '../present.js';
import type { Decoded } from '../present.js';
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
  /** One bit of a byte, 0 the lowest. */
  | { readonly kind: 'bit'; readonly at: number; readonly bit: number }
  /** What a regular expression in RE2's syntax finds. */
  | { readonly kind: 'pattern'; readonly pattern: Pattern }
  /** Names and indices into a line of JSON. */
  | { readonly kind: 'json'; readonly path: readonly (string | number)[] }
  /** A column of separated text, from 0. */
  | { readonly kind: 'column'; readonly column: number; readonly separator: string }
  /** A field of an NMEA 0183 sentence, the first after the sentence's name is 1. */
  | { readonly kind: 'nmea'; readonly sentence: string; readonly field: number }
  /** An OBIS code of a meter's telegram (IEC 62056-61), as `1-0:1.8.1(001234.567*kWh)`. */
  | { readonly kind: 'obis'; readonly code: string }
  | MbusPlace;

export interface Visitor {
  readonly place: Place;
  /** Only frames that begin with it hold the property. */
  readonly startsWith: Uint8Array;
  /** value = what stands there * scale + offset. */
  readonly scale: Decimal;
  readonly offset: Decimal;
  /** Numbers, before scaling, by which the sensor says that it has none. */
  readonly invalid: readonly Decimal[];
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
  if (found === null) return bad('EDGE_OUT_OF_RANGE', 'the sensor sent no number (NaN)');
  if (typeof found === 'boolean') return truth(as, found);
  if (typeof found !== 'string') return presented(visitor, as, found);
  if (found === '') return bad('EDGE_OUT_OF_RANGE', 'the sensor left it empty');
  if (as === 'string') return { ok: true, value: found };
  const number = parseDecimal(found.trim());
  if (number !== undefined) return presented(visitor, as, number);
  return bad('EDGE_TYPE', `${JSON.stringify(found.slice(0, 40))} is not a number`);
}

function presented({ scale, offset, invalid }: Visitor, as: PropertyType, raw: Decimal): Decoded {
  if (invalid.some(({ digits, exponent }) => digits === raw.digits && exponent === raw.exponent))
    return bad('EDGE_OUT_OF_RANGE', 'the sensor says that it has no value');
  return present(as, add(multiply(raw, scale), offset));
}

function find(place: Place, frame: Uint8Array): Found | undefined {
  switch (place.kind) {
    case 'bytes':
      return readNumber(frame, place.at, place.type, place.minus);
    case 'bit': {
      const byte = frame.at(place.at);
      return byte === undefined ? undefined : ((byte >> place.bit) & 1) === 1;
    }
    case 'pattern':
      return place.pattern(textOf(frame));
    case 'json': {
      const value = jsonAt(frame, place.path);
      if (typeof value === 'number') return parseDecimal(value);
      return typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
    }
    case 'column':
      return textOf(frame).split(place.separator)[place.column]?.trim();
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
