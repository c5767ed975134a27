import type { Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { ConfigReader } from '../config-reader.js';
import { ONE, parseDecimal } from '../decimal.js';
import type { Decimal } from '../decimal.js';
import { readReportKeys } from '../report-policy.js';
import type { Place, Visitor } from './extract.js';
import { NUMBER_TYPES } from './field.js';
import { parseJsonPath } from './json-path.js';

const ZERO: Decimal = { digits: 0n, exponent: 0 };
const PLACES = ['at', 'pattern', 'json', 'column', 'sentence', 'obis'] as const;

/** Reads the configData of one property: exactly one of PLACES says where it stands. */
export async function readVisitor(
  { name }: Property,
  reader: ConfigReader,
): Promise<Visitor | undefined> {
  const given = PLACES.filter((place) => reader.has(place));
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    const found = kind === undefined ? 'none' : given.join(' and ');
    reader.issue(PLACES[0], `of ${name}: one of ${PLACES.join(', ')} is needed, not ${found}`);
    return undefined;
  }
  const place = await readPlace(kind, reader);
  const scale = parseDecimal(reader.number('scale', 1) ?? 1) ?? ONE;
  const offset = parseDecimal(reader.number('offset', 0) ?? 0) ?? ZERO;
  const invalid = (reader.numbers('invalid') ?? []).flatMap((number) => parseDecimal(number) ?? []);
  const startsWith = reader.has('startsWith')
    ? Buffer.from(reader.text('startsWith') ?? '', 'latin1')
    : reader.has('startsWithHex')
      ? reader.hex('startsWithHex')
      : new Uint8Array(0);
  readReportKeys(reader);
  reader.unknownKeys();
  if (place === undefined || startsWith === undefined) return undefined;
  return { place, startsWith, scale, offset, invalid };
}

async function readPlace(
  kind: (typeof PLACES)[number],
  reader: ConfigReader,
): Promise<Place | undefined> {
  switch (kind) {
    case 'at': {
      const at = reader.integer('at', -4096, 4096);
      if (reader.has('bit')) {
        const bit = reader.integer('bit', 0, 7);
        return at === undefined || bit === undefined ? undefined : { kind: 'bit', at, bit };
      }
      const type = reader.choice('type', NUMBER_TYPES);
      return at === undefined || type === undefined ? undefined : { kind: 'bytes', at, type };
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
      const separator = reader.has('separator') ? reader.text('separator') : ',';
      if (column === undefined || separator === undefined) return undefined;
      return { kind: 'column', column, separator: separator === '\\t' ? '\t' : separator };
    }
    case 'sentence': {
      const sentence = reader.text('sentence');
      const field = reader.integer('field', 1, 100);
      if (sentence === undefined || field === undefined) return undefined;
      return { kind: 'nmea', sentence, field };
    }
    case 'obis': {
      const code = reader.text('obis');
      return code === undefined ? undefined : { kind: 'obis', code };
    }
  }
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
