import type { Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { ConfigReader } from '../config-reader.js';
import { ONE, parseDecimal } from '../decimal.js';
import type { Decimal } from '../decimal.js';
import { MAPPER_LIMITS } from '../limits.js';
import { readReportKeys } from '../report-policy.js';
import { readBits, readShowing } from '../showing-config.js';
import type { Place, Visitor } from './extract.js';
import { bytesOf, NUMBER_TYPES } from './field.js';
import { parseJsonPath } from './json-path.js';
import { readMbusPlace } from './mbus-place.js';

/** The highest bit of a number whose width nothing says. */
const BITS_LAST = 63;
const ZERO: Decimal = { digits: 0n, exponent: 0 };
/** `C.1.0`, `1.8.1`, `1-0:1.8.1*255`: the reduced and the whole form of IEC 62056-61. */
const OBIS =
  /^(?:\d{1,3}-\d{1,3}:)?[0-9A-Z]{1,3}\.[0-9A-Z]{1,3}(?:\.[0-9A-Z]{1,3})?(?:[*&]\d{1,3})?$/i;
const PLACES = ['at', 'pattern', 'json', 'column', 'sentence', 'obis', 'record'] as const;

/**
 * Reads the configData of one property: exactly one of PLACES says where it stands, in frames of at
 * most `maxBytes`.
 */
export async function readVisitor(
  property: Property,
  reader: ConfigReader,
  maxBytes: number = MAPPER_LIMITS.sensorFrameBytes,
): Promise<Visitor | undefined> {
  const { name } = property;
  const given = PLACES.filter((place) => reader.has(place));
  const [kind, another] = given;
  if (kind === undefined) {
    const hint = `Give one of ${PLACES.join(', ')}.`;
    reader.whole(`does not say where ${name} stands in a frame`, hint);
    return undefined;
  }
  if (another !== undefined) {
    reader.issue(another, `stands beside ${kind}`, `${name} has one place: keep one of the two.`);
    return undefined;
  }
  const place = await readPlace(kind, reader, maxBytes);
  const scale = parseDecimal(reader.number('scale', 1) ?? 1) ?? ONE;
  if (scale.digits === 0n)
    reader.issue('scale', 'is 0, which makes every value 0', 'Leave it out, or write 1.');
  const offset = parseDecimal(reader.number('offset', 0) ?? 0) ?? ZERO;
  const bits = readBits(reader, place?.kind === 'bytes' ? 8 * bytesOf(place.type) - 1 : BITS_LAST);
  if (bits !== undefined && place?.kind === 'bytes' && !place.type.startsWith('uint'))
    reader.issue('bit', `is of a ${place.type}`, 'Bits are of a uint8 to uint64.');
  const showing = readShowing(property, reader, 'texts');
  if (reader.has('startsWith') && reader.has('startsWithHex'))
    reader.issue('startsWithHex', 'stands beside startsWith', 'Keep one of the two.');
  const startsWith = reader.has('startsWith')
    ? Buffer.from(reader.text('startsWith') ?? '', 'latin1')
    : reader.has('startsWithHex')
      ? reader.hex('startsWithHex')
      : new Uint8Array(0);
  readReportKeys(reader);
  reader.unknownKeys();
  if (place === undefined || startsWith === undefined) return undefined;
  return { place, startsWith, scale, offset, ...showing, ...(bits === undefined ? {} : { bits }) };
}

async function readPlace(
  kind: (typeof PLACES)[number],
  reader: ConfigReader,
  maxBytes: number,
): Promise<Place | undefined> {
  switch (kind) {
    case 'at': {
      const at = reader.integer('at', -4096, 4096);
      const type = reader.choice('type', NUMBER_TYPES, reader.has('bit') ? 'uint8' : undefined);
      if (at === undefined || type === undefined) return undefined;
      checkWithin(reader, at, bytesOf(type), maxBytes);
      const minus = reader.integer('minus', 0, 255, 0);
      return minus === undefined ? undefined : { kind: 'bytes', at, type, minus };
    }
    case 'pattern':
      return readPattern(reader);
    case 'json': {
      const path = parseJsonPath(reader.text('json') ?? '');
      if (path === undefined)
        reader.issue('json', 'is no path', 'Write it as in data.sensors[0].t');
      return path && { kind: 'json', path };
    }
    case 'column': {
      const column = reader.integer('column', 0, 1000);
      const separator = readSeparator(reader);
      if (column === undefined || separator === undefined) return undefined;
      return { kind: 'column', column, separator };
    }
    case 'sentence': {
      const sentence = reader.text('sentence');
      const field = reader.integer('field', 1, 100);
      if (sentence === undefined || field === undefined) return undefined;
      return { kind: 'nmea', sentence, field };
    }
    case 'obis': {
      const code = reader.text('obis');
      if (code !== undefined && !OBIS.test(code))
        reader.issue(
          'obis',
          `is ${JSON.stringify(code.slice(0, 40))}`,
          'Write it as in 1-0:1.8.1.',
        );
      return code === undefined ? undefined : { kind: 'obis', code };
    }
    case 'record':
      return readMbusPlace(reader);
  }
}

/** A comma when there is none; what is nothing but blanks or tabs stands for itself. */
function readSeparator(reader: ConfigReader): string | undefined {
  const raw = reader.raw('separator') ?? ',';
  if (typeof raw === 'string' && /^[ \t]+$/.test(raw)) return raw[0];
  const separator = raw === ',' ? raw : reader.text('separator');
  return separator === '\\t' ? '\t' : separator;
}

/** A place that no frame reaches would never have a value. */
function checkWithin(
  reader: ConfigReader,
  at: number | undefined,
  width: number,
  maxBytes: number,
): void {
  if (at === undefined) return;
  if (at < 0 && at + width > 0)
    reader.issue('at', `is ${at}, but what stands there has ${width} bytes`, `Write ${-width}.`);
  else if ((at < 0 ? -at : at + width) > maxBytes)
    reader.issue(
      'at',
      `is ${at}, but no frame is longer than ${maxBytes} bytes`,
      `Longer frames are said in framing, up to ${MAPPER_LIMITS.sensorFrameBytes} bytes.`,
    );
}

async function readPattern(reader: ConfigReader): Promise<Place | undefined> {
  const text = reader.text('pattern');
  if (text === undefined) return undefined;
  const { compilePattern } = await import('./pattern.js');
  try {
    return { kind: 'pattern', pattern: compilePattern(text) };
  } catch (thrown) {
    reader.issue(
      'pattern',
      `cannot be used: ${EdgeError.from(thrown).message}`,
      'Patterns have the syntax of RE2: no look-around and no back-references.',
    );
    return undefined;
  }
}
