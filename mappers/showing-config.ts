import type { Property } from '#protocol/device.js';
import type { ConfigReader } from './config-reader.js';
import { compare, parseDecimal, type Decimal } from './decimal.js';
import type { Bits, Showing } from './showing.js';

const NAMES_MAX = 256;

/** What `enum` may name, beside whole numbers, and how that is told. */
const NAMED = {
  numbers: { key: /^-?\d{1,20}$/, what: 'numbers to texts, such as {0: off, 1: on}' },
  texts: { key: /^.{1,40}$/s, what: 'numbers or texts to texts, such as {0: none, A: active}' },
} as const;

/** Reads `precision`, `clamp`, `invalid` and `enum` of a visitor (docs/mappers.md). */
export function readShowing(
  property: Property,
  reader: ConfigReader,
  named: keyof typeof NAMED,
): Showing {
  const precision = reader.has('precision') ? reader.integer('precision', 0, 20) : undefined;
  const clamp = readClamp(reader);
  const invalid = (reader.numbers('invalid') ?? []).flatMap((one) => parseDecimal(one) ?? []);
  const names = readNames(property, reader, named);
  return {
    ...(precision === undefined ? {} : { precision }),
    ...(clamp === undefined ? {} : { clamp }),
    ...(invalid.length === 0 ? {} : { invalid }),
    ...(names === undefined ? {} : { names }),
  };
}

/** Reads `bit` and `bits`; `last` is the highest bit that there is. */
export function readBits(reader: ConfigReader, last: number): Bits | undefined {
  const from = reader.has('bit') ? reader.integer('bit', 0, last) : undefined;
  const width = reader.has('bits') ? reader.integer('bits', 1, last + 1) : 1;
  if (!reader.has('bit') && reader.has('bits'))
    reader.issue('bits', 'is there without bit', 'Name the lowest bit as `bit`.');
  if (from === undefined || width === undefined) return undefined;
  if (from + width > last + 1) reader.issue('bits', `from bit ${from} end beyond bit ${last}`);
  return { from, width };
}

function readClamp(reader: ConfigReader): readonly [Decimal, Decimal] | undefined {
  if (!reader.has('clamp')) return undefined;
  const [least, most, ...more] = (reader.numbers('clamp') ?? []).map((one) => parseDecimal(one));
  if (least !== undefined && most !== undefined && more.length === 0 && compare(least, most) < 0)
    return [least, most];
  reader.issue('clamp', 'is not a list of a lower and an upper bound, such as [0, 100]');
  return undefined;
}

function readNames(
  { name: property, type }: Property,
  reader: ConfigReader,
  named: keyof typeof NAMED,
): ReadonlyMap<string, string> | undefined {
  const raw = reader.raw('enum');
  if (raw === undefined) return undefined;
  const { key: keys, what } = NAMED[named];
  const entries =
    typeof raw === 'object' && raw !== null && !Array.isArray(raw)
      ? Object.entries(raw as Record<string, unknown>)
      : [];
  const isSound = entries.every(([key, name]) => keys.test(key) && isName(name));
  if (entries.length === 0 || entries.length > NAMES_MAX || !isSound) {
    reader.issue('enum', `is not a map of at most ${NAMES_MAX} ${what}`);
    return undefined;
  }
  if (type !== 'string' && type !== 'json')
    reader.issue(
      'enum',
      `gives texts, but ${property} is of type ${type.toUpperCase()}`,
      'Make the property STRING.',
    );
  return new Map(entries.map(([key, name]) => [canonical(key), String(name)]));
}

/** The number that `007` is: numbers are looked up as their decimal digits. */
function canonical(key: string): string {
  return NAMED.numbers.key.test(key) ? String(BigInt(key)) : key;
}

/** YAML reads `off` and `on` as texts, but `true` and `1` as what they are. */
function isName(name: unknown): boolean {
  return typeof name === 'string' || typeof name === 'number' || typeof name === 'boolean';
}
