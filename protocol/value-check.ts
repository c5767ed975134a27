import type { PropertyDescription, PropertyType } from './device.js';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import type { Value } from './twin.js';
import { parseBoundedJson, valueProblem } from './value-check-json.js';

/** Integers of 64 bits, signed or not: what does not fit a JavaScript number stays decimal text. */
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

const INTEGER_TEXT = /^[+-]?\d{1,40}$/;
const NUMBER_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** RFC 4648 section 4, padded. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

type Typed = Pick<PropertyDescription, 'name' | 'type' | 'minimum' | 'maximum'>;

/**
 * The value as this property holds it, or EDGE_TYPE, EDGE_RANGE, EDGE_LIMIT with the property, the
 * value and the rule in the message. Shapes: `int` a number, or canonical decimal text beyond
 * 2^53 and within 64 bits; `float` and `double` a finite number; `string` and `boolean` as they
 * are; `bytes` base64 text (RFC 4648 section 4); `json` any Value. Only `json` may be null.
 */
export function checkValue(property: Typed, value: unknown): Value {
  const problem = valueProblem(value);
  if (problem !== undefined) throw refusal(problem.code, property, value, `is ${problem.rule}`);
  const typed = ofType(property.type, value as Value);
  if (typed === undefined)
    throw refusal('EDGE_TYPE', property, value, `is not ${EXPECTED[property.type]}`);
  checkRange(property, typed);
  return typed;
}

/**
 * KubeEdge's text form of a value, read by the property's type and checked like any other:
 * "23.5" of a float is 23.5, "true" of a boolean is true, a string stays, `json` is parsed.
 */
export function parseText(property: Typed, text: string): Value {
  if (text.length > LIMITS.valueBytes)
    throw refusal('EDGE_LIMIT', property, text, `is longer than ${LIMITS.valueBytes} bytes`);
  return checkValue(property, fromText(property, text));
}

/** The text form that `parseText` reads back: strings bare, everything else as JSON. */
export function formatText(value: Value): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const EXPECTED: Record<PropertyType, string> = {
  int: 'a whole number of at most 64 bits',
  float: 'a finite number',
  double: 'a finite number',
  string: 'a string',
  boolean: 'true or false',
  bytes: 'base64 text',
  json: 'JSON',
};

function ofType(type: PropertyType, value: Value): Value | undefined {
  switch (type) {
    case 'int':
      return typeof value === 'string' ? integer(value) : wholeNumber(value);
    case 'float':
    case 'double':
      return typeof value === 'number' ? plusZero(value) : undefined;
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'bytes':
      return typeof value === 'string' && BASE64.test(value) ? value : undefined;
    case 'json':
      return value === 0 ? 0 : value;
  }
}

function wholeNumber(value: Value): number | undefined {
  return Number.isSafeInteger(value) ? plusZero(value as number) : undefined;
}

/** Text of an integer that no number can hold; anything a number can hold must come as a number. */
function integer(text: string): string | undefined {
  if (!INTEGER_TEXT.test(text)) return undefined;
  const exact = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (exact < INTEGER_MIN || exact > INTEGER_MAX) return undefined;
  return Number.isSafeInteger(Number(exact)) ? undefined : exact.toString();
}

function plusZero(value: number): number {
  return value === 0 ? 0 : value;
}

function checkRange(property: Typed, value: Value): void {
  const { minimum, maximum, type } = property;
  if (type !== 'int' && type !== 'float' && type !== 'double') return;
  const size = typeof value === 'string' ? BigInt(value) : (value as number);
  if (minimum !== undefined && size < minimum)
    throw refusal('EDGE_RANGE', property, value, `is below the minimum of ${minimum}`);
  if (maximum !== undefined && size > maximum)
    throw refusal('EDGE_RANGE', property, value, `is above the maximum of ${maximum}`);
}

function fromText(property: Typed, text: string): unknown {
  switch (property.type) {
    case 'int': {
      const number = INTEGER_TEXT.test(text.trim()) ? Number(text.trim()) : Number.NaN;
      return Number.isSafeInteger(number) ? number : text.trim();
    }
    case 'float':
    case 'double':
      return NUMBER_TEXT.test(text.trim()) ? Number(text.trim()) : text;
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : text;
    case 'json':
      return json(property, text);
    case 'string':
    case 'bytes':
      return text;
  }
}

function json(property: Typed, text: string): unknown {
  try {
    return parseBoundedJson(text, LIMITS.jsonDepth);
  } catch (cause) {
    const deep = EdgeError.from(cause).code === 'EDGE_LIMIT';
    if (deep) throw refusal('EDGE_LIMIT', property, text, 'is nested too deep');
    throw refusal('EDGE_TYPE', property, text, 'is not valid JSON');
  }
}

function refusal(
  code: 'EDGE_TYPE' | 'EDGE_RANGE' | 'EDGE_LIMIT',
  property: Typed,
  value: unknown,
  rule: string,
): EdgeError {
  return new EdgeError(code, `property ${property.name}: ${shown(value)} ${rule}`, {
    hint: `Send ${EXPECTED[property.type]}${rangeOf(property)}.`,
  });
}

function rangeOf({ minimum, maximum }: Typed): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return maximum === undefined ? '' : ` of at most ${maximum}`;
}

/** Enough of a value to recognise it; objects are not printed, they may be huge or hostile. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    const clipped = value.length > 40 ? `${value.slice(0, 40)}...` : value;
    return JSON.stringify(clipped);
  }
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' || typeof value === 'symbol' ? typeof value : String(value);
}
