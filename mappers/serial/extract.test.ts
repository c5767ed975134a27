import test from 'ava';
import type { PropertyType } from '#protocol/device.js';
import { ONE, parseDecimal } from '../decimal.js';
import type { Decimal } from '../decimal.js';
import type { Bits } from '../showing.js';
import { extract } from './extract.js';
import type { Place, Visitor } from './extract.js';
import { readNumber, type NumberType } from './field.js';
import { compilePattern } from './pattern.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const decimal = (number: number): Decimal => parseDecimal(number) ?? ONE;

interface Rest {
  readonly startsWith?: string;
  readonly scale?: number;
  readonly offset?: number;
  readonly invalid?: readonly number[];
  readonly precision?: number;
  readonly clamp?: readonly [number, number];
  readonly names?: Readonly<Record<string, string>>;
  readonly bits?: Bits;
}

function at(
  place: Place,
  { startsWith = '', scale = 1, offset = 0, invalid = [], clamp, names, ...rest }: Rest = {},
): Visitor {
  return {
    place,
    startsWith: ascii(startsWith),
    scale: decimal(scale),
    offset: decimal(offset),
    invalid: invalid.map(decimal),
    ...(clamp === undefined ? {} : { clamp: [decimal(clamp[0]), decimal(clamp[1])] }),
    ...(names === undefined ? {} : { names: new Map(Object.entries(names)) }),
    ...rest,
  };
}

const pattern = (text: string): Place => ({ kind: 'pattern', pattern: compilePattern(text) });

const GGA = '$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76';
const TELEGRAM = [
  '/ISk5\\2MT382-1000',
  '',
  '1-3:0.2.8(50)',
  '1-0:1.8.1(123456.789*kWh)',
  '1-0:1.7.0(01.193*kW)',
  '0-1:24.2.1(101209112500W)(12785.123*m3)',
  '!',
].join('\r\n');

const MODES = { 1: 'cooling', 2: 'heating' };

const VALUES: readonly (readonly [string, Visitor, PropertyType, Uint8Array, unknown])[] = [
  [
    'PM2.5 of a PMS5003',
    at({ kind: 'bytes', at: 12, type: 'uint16be' }),
    'int',
    hex('424d 001c 0005 0008 0009 0005 0008 0009'.padEnd(70, '0')),
    8,
  ],
  [
    'SDS011, little end first',
    at({ kind: 'bytes', at: 2, type: 'uint16le' }, { scale: 0.1 }),
    'float',
    hex('aac0 8c00 9400 bcf9 d5ab'),
    14,
  ],
  ['a place from the end', at({ kind: 'bytes', at: -1, type: 'int8' }), 'int', hex('00 ff'), -1],
  [
    'a float with an offset',
    at({ kind: 'bytes', at: 0, type: 'float32be' }, { offset: -273.15 }),
    'float',
    hex('43 93 80 00'),
    21.85,
  ],
  [
    'all digits of 64 bits',
    at({ kind: 'bytes', at: 0, type: 'uint64be' }),
    'int',
    hex('ffffffffffffffff'),
    '18446744073709551615',
  ],
  [
    'a bit',
    at({ kind: 'bytes', at: 1, type: 'uint8' }, { bits: { from: 7, width: 1 } }),
    'boolean',
    hex('00 80'),
    true,
  ],
  [
    'three bits in the middle of a word',
    at({ kind: 'bytes', at: 0, type: 'uint16be' }, { bits: { from: 6, width: 3 }, scale: 0.5 }),
    'float',
    hex('0140'),
    2.5,
  ],
  [
    'bits of a number that is text, named',
    at(
      { kind: 'column', column: 1, separator: ',' },
      { bits: { from: 4, width: 2 }, names: MODES },
    ),
    'string',
    ascii('x,35'),
    'heating',
  ],
  [
    'the quality of a fix',
    at({ kind: 'nmea', sentence: 'GGA', field: 6 }, { names: { 0: 'none', 1: 'gps' } }),
    'string',
    ascii(GGA),
    'gps',
  ],
  [
    'a status that is a letter',
    at(pattern('^S ([SD+-])'), { names: { S: 'stable', D: 'moving', '+': 'overload' } }),
    'string',
    ascii('S +'),
    'overload',
  ],
  [
    'a number of two digits by its name',
    at({ kind: 'column', column: 0, separator: ',' }, { names: MODES }),
    'string',
    ascii('02,1'),
    'heating',
  ],
  [
    'a truth of JSON by its name',
    at({ kind: 'json', path: ['ok'] }, { names: { true: 'closed', false: 'open' } }),
    'string',
    ascii('{"ok":false}'),
    'open',
  ],
  [
    'a rounded number',
    at({ kind: 'column', column: 0, separator: ',' }, { scale: 0.3, precision: 1 }),
    'float',
    ascii('21.5'),
    6.5,
  ],
  [
    'text, rounded',
    at({ kind: 'column', column: 0, separator: ',' }, { precision: 0 }),
    'string',
    ascii('21.5'),
    '22',
  ],
  [
    'Mettler’s weight',
    at(pattern('^S S\\s+(-?[\\d.]+) g$')),
    'float',
    ascii('S S     100.02 g'),
    100.02,
  ],
  ['a named group', at(pattern('(?P<unit>[CF])=(?P<value>\\d+)')), 'int', ascii('C=21'), 21],
  ['text', at(pattern('^V([\\w.]+)$')), 'string', ascii('V1.2b'), '1.2b'],
  [
    'JSON',
    at({ kind: 'json', path: ['sensors', 1, 't'] }),
    'float',
    ascii('{"sensors":[{"t":1},{"t":2.5}]}'),
    2.5,
  ],
  ['a column', at({ kind: 'column', column: 2, separator: ';' }), 'int', ascii('a;b; 42 '), 42],
  [
    'a column between blanks',
    at({ kind: 'column', column: 2, separator: ' ' }),
    'float',
    ascii('  1  20.5   -3.25 C\r'),
    -3.25,
  ],
  [
    'a latitude in degrees',
    at({ kind: 'nmea', sentence: 'GGA', field: 2 }),
    'double',
    ascii(GGA),
    53.3613367,
  ],
  [
    'a longitude west',
    at({ kind: 'nmea', sentence: 'GGA', field: 4 }),
    'double',
    ascii(GGA),
    -6.50562,
  ],
  ['satellites', at({ kind: 'nmea', sentence: 'GPGGA', field: 7 }), 'int', ascii(GGA), 8],
  [
    'a meter’s total',
    at({ kind: 'obis', code: '1-0:1.8.1' }),
    'double',
    ascii(TELEGRAM),
    123456.789,
  ],
  [
    'a gas meter’s, after its time',
    at({ kind: 'obis', code: '0-1:24.2.1' }),
    'double',
    ascii(TELEGRAM),
    12785.123,
  ],
];

for (const [name, visitor, as, frame, value] of VALUES)
  test(`${name} is ${JSON.stringify(value)}`, (t) => {
    t.deepEqual(extract(visitor, as, frame), { ok: true, value } as never);
  });

const ABSENT: readonly (readonly [string, Visitor, string])[] = [
  ['another sentence', at({ kind: 'nmea', sentence: 'RMC', field: 1 }), GGA],
  [
    'a line that begins otherwise',
    at({ kind: 'column', column: 0, separator: ',' }, { startsWith: 'T,' }),
    'H,1',
  ],
  ['a frame that is too short', at({ kind: 'bytes', at: 3, type: 'uint16be' }), 'abcd'],
  ['a pattern that does not match', at(pattern('^x(\\d)$')), 'y1'],
  ['no JSON', at({ kind: 'json', path: ['a'] }), '{"a":'],
  ['JSON without it', at({ kind: 'json', path: ['a'] }), '{"b":1}'],
  ['a prototype’s key', at({ kind: 'json', path: ['toString', 'name'] }), '{"a":1}'],
  ['a longer code', at({ kind: 'obis', code: '1-0:1.8' }), TELEGRAM],
  ['a column too many', at({ kind: 'column', column: 9, separator: ',' }), '1,2'],
];

for (const [name, visitor, text] of ABSENT)
  test(`${name} says nothing of the property`, (t) => {
    t.is(extract(visitor, 'string', ascii(text)), undefined);
  });

const BAD: readonly (readonly [string, Visitor, Uint8Array, string])[] = [
  [
    'what the sensor calls no value',
    at({ kind: 'bytes', at: 0, type: 'uint16be' }, { invalid: [65535] }),
    hex('ffff'),
    'EDGE_OUT_OF_RANGE',
  ],
  [
    'a round number that is no value',
    at({ kind: 'bytes', at: 0, type: 'uint16be' }, { invalid: [30_000] }),
    hex('7530'),
    'EDGE_OUT_OF_RANGE',
  ],
  [
    'no value, although it has a name',
    at({ kind: 'column', column: 0, separator: ',' }, { invalid: [2], names: MODES }),
    ascii('2'),
    'EDGE_OUT_OF_RANGE',
  ],
  [
    'a number without a name',
    at({ kind: 'bytes', at: 0, type: 'uint8' }, { names: MODES }),
    // Ten must not be taken for a one with an exponent.
    hex('0a'),
    'EDGE_OUT_OF_RANGE',
  ],
  [
    'a text without a name',
    at({ kind: 'column', column: 0, separator: ',' }, { names: MODES }),
    ascii('x'),
    'EDGE_OUT_OF_RANGE',
  ],
  [
    'bits of a number that has none',
    at({ kind: 'column', column: 0, separator: ',' }, { bits: { from: 0, width: 1 } }),
    ascii('-1'),
    'EDGE_TYPE',
  ],
  ['NaN', at({ kind: 'bytes', at: 0, type: 'float32be' }), hex('7fc00000'), 'EDGE_OUT_OF_RANGE'],
  [
    'an empty field',
    at({ kind: 'nmea', sentence: 'GGA', field: 13 }),
    ascii(GGA),
    'EDGE_OUT_OF_RANGE',
  ],
  [
    'text for a number',
    at({ kind: 'column', column: 0, separator: ',' }),
    ascii('n/a,1'),
    'EDGE_TYPE',
  ],
];

for (const [name, visitor, frame, code] of BAD)
  test(`${name} is bad, ${code}`, (t) => {
    const found = extract(visitor, 'float', frame);
    t.like(found, { ok: false, code });
  });

test('a value beyond the clamp is the bound, and uncertain', (t) => {
  const clamped = at({ kind: 'bytes', at: 0, type: 'int8' }, { clamp: [0, 100] });
  t.like(extract(clamped, 'int', hex('ff')), {
    ok: true,
    value: 0,
    uncertain: '-1 is beyond the clamp',
  });
  t.like(extract(clamped, 'int', hex('7f')), { ok: true, value: 100 });
  t.deepEqual(extract(clamped, 'int', hex('64')), { ok: true, value: 100 });
});

test('a pattern that would hang another engine does not hang this one', (t) => {
  const hostile = at(pattern('^(([a-z])+.)+[A-Z]([a-z])+$'));
  t.is(extract(hostile, 'string', ascii('a'.repeat(4096))), undefined);
});

test('decimal digits, whole numbers of three bytes, and what is taken from each byte', (t) => {
  const of = (hex: string, type: NumberType, minus?: number): unknown =>
    readNumber(Buffer.from(hex, 'hex'), 0, type, minus);
  const whole = (digits: bigint) => ({ digits, exponent: 0 });
  t.deepEqual(of('1234', 'bcd16be'), whole(1234n));
  t.deepEqual(of('563412', 'bcd24le'), whole(123_456n));
  t.deepEqual(of('75394533', 'bcd32le', 0x33), whole(120_642n));
  t.deepEqual(of('ffffffff', 'bcd32be'), null);
  t.deepEqual(of('123a', 'bcd16be'), null);
  t.deepEqual(of('ffffff', 'uint24be'), whole(16_777_215n));
  t.deepEqual(of('feffff', 'int24le'), whole(-2n));
  t.deepEqual(of('3233', 'uint16be', 0x33), whole(0xff00n));
  t.is(of('1234', 'bcd24be'), undefined);
});
