import fc from 'fast-check';
import test from 'ava';
import type { Device } from '#protocol/device.js';
import { ConfigReader } from '../config-reader.js';
import { toNumber } from '../decimal.js';
import { extract } from './extract.js';
import { serialModule } from './mapper.js';
import { findRecord, readMbusPlace } from './mbus-place.js';
import { readSettings } from './settings.js';

type Config = Readonly<Record<string, unknown>>;

function telegram(records: string, status = 0): Uint8Array {
  const header = [0x78, 0x56, 0x34, 0x12, 0x2d, 0x2c, 8, 4, 0x55, status, 0, 0];
  const user = [...header, ...Buffer.from(records.replaceAll(' ', ''), 'hex')];
  const length = user.length + 3;
  return Uint8Array.of(0x68, length, length, 0x68, 8, 5, 0x72, ...user, 0, 0x16);
}

function found(record: Config, frame: Uint8Array): unknown {
  const reader = new ConfigReader({ record }, []);
  const place = readMbusPlace(reader);
  if (place === undefined) throw new TypeError(JSON.stringify(reader.issues));
  const value = findRecord(place, frame);
  return typeof value === 'object' && value !== null ? toNumber(value) : value;
}

const SERIAL_8 = '0c 78 17 58 85 06';
const VALUES: readonly (readonly [what: string, quantity: string, sent: string, value: unknown])[] =
  [
    ['energy in Wh', 'energy', '04 03 01 00 00 00', 1],
    ['energy in kWh', 'energy', '04 06 e7 91 00 00', 37_351_000],
    ['energy in J', 'energy', '04 08 10 0e 00 00', 1],
    ['energy in GJ, to millionths', 'energy', '0c 0f 01 00 00 00', 2_777.777778],
    ['energy in MWh', 'energy', '0c fb 01 28 00 00 00', 28_000_000],
    ['energy in GJ of the other table', 'energy', '02 fb 09 24 00', 10_000_000],
    ['volume in litres', 'volume', '0c 13 76 34 70 00', 703.476],
    ['volume in hundreds of m3', 'volume', '01 fb 10 03', 300],
    ['mass in kg', 'mass', '02 1b 2c 01', 300],
    ['mass in hundreds of t', 'mass', '01 fb 18 02', 200_000],
    ['power in W', 'power', '0b 2a 97 32 00', 329.7],
    ['power in J/h', 'power', '04 30 20 1c 00 00', 2],
    ['power in MW', 'power', '01 fb 29 02', 2_000_000],
    ['flow in m3/h', 'volumeFlow', '0b 3b 27 01 00', 0.127],
    ['flow in m3/min', 'volumeFlow', '02 47 02 00', 120],
    ['flow in m3/s', 'volumeFlow', '02 4f 02 00', 72],
    ['flow of mass', 'massFlow', '02 53 05 00', 5],
    ['flow temperature', 'flowTemperature', '0a 5a 43 04', 44.3],
    ['return temperature', 'returnTemperature', '02 5e e9 00', 23.3],
    ['a difference below 0', 'temperatureDifference', '0b 62 02 00 f0', -0.2],
    ['outside, below 0', 'externalTemperature', '02 65 38 ff', -2],
    ['pressure', 'pressure', '02 69 05 00', 0.05],
    ['hours on', 'onTime', '02 22 02 00', 7_200],
    ['days of work', 'operatingTime', '01 27 02', 172_800],
    ['units of an allocator', 'heatCost', '02 6e 02 01', 258],
    ['voltage', 'voltage', '0b fd 47 56 34 12', 1_234.56],
    ['current', 'current', '0b fd 59 56 34 12', 123.456],
    ['frequency', 'frequency', '02 fb 2d 88 13', 50],
    ['humidity', 'humidity', '02 fb 1a f4 01', 50],
    ['flags, never below 0', 'errorFlags', '02 fd 17 00 80', 0x8000],
    ['single precision', 'flowTemperature', '05 5b 3c 00 0c 42', 35.000_23],
    ['24 bits', 'temperatureDifference', '03 60 46 31 00', 12.614],
    ['48 bits', 'energy', '06 03 ff ff ff ff ff ff', -1],
    ['digits of their own length', 'volume', '0d 16 c2 34 12', 1_234],
    ['digits below 0 of their own length', 'volume', '0d 16 d2 34 12', -1_234],
    ['a thousandfold', 'volume', '04 96 7d 02 00 00 00', 2_000],
    ['a hundredth', 'volume', '04 96 74 02 00 00 00', 0.02],
    ['a date of another storage', 'date', '42 6c 5f 1c', null],
    ['a number with its zeros', 'fabricationNumber', SERIAL_8, '06855817'],
    ['a number as text', 'fabricationNumber', '0d 78 03 43 42 41', 'ABC'],
    ['a date of the last century', 'date', '02 6c 7f cc', '1999-12-31'],
    ['a date and time', 'dateTime', '04 6d 1a 2f 65 11', '2011-01-05T15:26'],
    ['seconds', 'dateTime', '06 6d 00 00 08 16 27 00', '2016-07-22T08:00:00'],
    ['a time that is not valid', 'dateTime', '04 6d a1 15 e9 17', null],
    ['no date yet', 'date', '02 6c 00 00', null],
    ['letters among the digits', 'power', '0c 2b bd eb dd dd', null],
    ['the least number with a sign', 'flowTemperature', '02 5a 00 80', null],
    ['no number in single precision', 'volume', '05 16 00 00 c0 7f', null],
    ['an overflow that is said', 'volume', '04 96 16 02 00 00 00', null],
    ['only a value of an error', 'volume', '34 16 02 00 00 00', null],
    ['another quantity', 'volume', '04 06 e7 91 00 00', null],
    ['an extension that was not asked for', 'volume', '04 96 3c 02 00 00 00', null],
    ['the maker’s own extension', 'volume', '04 96 ff 01 02 00 00 00', null],
    ['text in place of a number', 'volume', '0d 16 02 32 31', null],
    ['a unit in plain text', 'humidity', '02 fc 03 48 52 25 74 44 0d', null],
  ];

for (const [what, quantity, sent, value] of VALUES)
  test(`record: ${what}: ${String(value)}`, (t) => {
    t.deepEqual(found({ quantity }, telegram(`01 fd 0c 01 ${sent} 2f`)), value);
  });

test('64 bits keep every digit', (t) => {
  const place = readMbusPlace(new ConfigReader({ record: { quantity: 'energy' } }, []));
  if (place === undefined) throw new TypeError('no place');
  t.deepEqual(findRecord(place, telegram('07 03 ff ff ff ff ff ff ff 7f')), {
    ...{ digits: 9_223_372_036_854_775_807n, exponent: 0 },
  });
});

test('a record is known by its function, storage, tariff, subunit, extensions and place among its like', (t) => {
  const frame = telegram(
    [
      ...['01 16 01', '11 16 02', '21 16 03', '31 16 04', '41 16 05', '81 01 16 06'],
      ...['81 10 16 07', '81 40 16 08', '01 96 3c 09', '01 96 ff 01 0a', '01 16 0b', 'd1 10 16 0c'],
      '01 96 ff 74 0d',
    ].join(' '),
  );
  const volume = (rest: Config): unknown => found({ quantity: 'volume', ...rest }, frame);
  t.is(volume({}), 1);
  t.is(volume({ function: 'maximum' }), 2);
  t.is(volume({ function: 'minimum' }), 3);
  t.is(volume({ function: 'error' }), 4);
  t.is(volume({ storage: 1 }), 5);
  t.is(volume({ storage: 2 }), 6);
  t.is(volume({ tariff: 1 }), 7);
  t.is(volume({ subunit: 1 }), 8);
  t.is(volume({ vife: '3c' }), 9);
  t.is(volume({ vife: 'ff 01' }), 10);
  t.is(volume({ vife: 'ff 74' }), 13, 'behind the maker’s own it is no hundredth');
  t.is(volume({ nth: 2 }), 11);
  t.is(volume({ function: 'maximum', storage: 1, tariff: 1 }), 12);
  t.is(volume({ storage: 3 }), null);
  t.is(volume({ nth: 3 }), null);
});

test('the header is read as well', (t) => {
  const frame = telegram(SERIAL_8, 0x08);
  const said = Object.fromEntries(
    ['identification', 'manufacturer', 'version', 'medium', 'accessNumber', 'status'].map(
      (quantity) => [quantity, found({ quantity }, frame)],
    ),
  );
  t.deepEqual(said, {
    ...{ identification: '12345678', manufacturer: 'KAM', version: 8, medium: 4 },
    ...{ accessNumber: 0x55, status: 8 },
  });
});

test('each number of each width comes back, below 0 too', (t) => {
  const sizes = fc.constantFrom([1, 1], [2, 2], [3, 3], [4, 4], [6, 6], [7, 8]);
  fc.assert(
    fc.property(
      sizes,
      fc.bigInt({ min: -(1n << 63n) + 1n, max: (1n << 63n) - 1n }),
      (size, any) => {
        const [coding = 0, width = 0] = size;
        const number = BigInt.asIntN(width * 8, any);
        const raw = BigInt.asUintN(width * 8, number)
          .toString(16)
          .padStart(width * 2, '0');
        const sent = Buffer.from(raw, 'hex').reverse().toString('hex');
        const least = number === -(1n << BigInt(width * 8 - 1));
        const value = found({ quantity: 'energy' }, telegram(`0${coding}03${sent}`));
        t.is(value, least ? null : Number(number));
      },
    ),
  );
});

test('each number of decimal digits comes back, below 0 too', (t) => {
  const sizes = fc.constantFrom([9, 2], [10, 4], [11, 6], [12, 8], [14, 12]);
  fc.assert(
    fc.property(sizes, fc.nat(), fc.boolean(), (size, any, isNegative) => {
      const [coding = 0, places = 0] = size;
      const number = any % 10 ** (places - 1);
      const digits = `${isNegative ? 'f' : '0'}${String(number).padStart(places - 1, '0')}`;
      const sent = Buffer.from(digits, 'hex').reverse().toString('hex');
      const value = found({ quantity: 'energy' }, telegram(`0${coding.toString(16)}03${sent}`));
      t.is(value, isNegative && number !== 0 ? -number : number);
    }),
  );
});

test('hostile bytes: a place never throws', (t) => {
  const quantities = [
    'energy',
    'flowTemperature',
    'date',
    'dateTime',
    'fabricationNumber',
    'status',
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(5), (sent, which) => {
      const frame = telegram(Buffer.from(sent).toString('hex'));
      const value = found({ quantity: quantities[which] }, frame);
      t.true(value === undefined || value === null || ['number', 'string'].includes(typeof value));
    }),
  );
});

const WRONG: readonly (readonly [string, Config, RegExp])[] = [
  ['a misspelt quantity', { quantity: 'enrgy' }, /Did you mean energy/],
  ['none', { storage: 1 }, /quantity is missing/],
  ['a misspelt key', { quantity: 'energy', tarif: 1 }, /Did you mean tariff/],
  ['a function', { quantity: 'energy', function: 'average' }, /average/],
  ['a storage below 0', { quantity: 'energy', storage: -1 }, /storage is -1/],
  ['extensions', { quantity: 'energy', vife: 'x' }, /vife is .*not hexadecimal/],
];

for (const [name, record, message] of WRONG)
  test(`wrong: ${name}`, (t) => {
    const reader = new ConfigReader({ record }, []);
    readMbusPlace(reader);
    t.is(reader.issues.length, 1);
    t.regex(JSON.stringify(reader.issues), message);
  });

const MBUS = {
  ...{ port: '/dev/ttyUSB0', requestHex: '10 5b fe 59 16' },
  framing: { kind: 'length', sync: '68', lengthAt: 1, lengthAdd: 6 },
  checksum: { kind: 'sum8', over: '4..-2', at: -2 },
};

const ENERGY = { record: { quantity: 'energy' } };

function meter(name: string, unit?: number, place: Config = ENERGY): Device {
  const configData = unit === undefined ? MBUS : { ...MBUS, unitId: unit };
  return {
    ...{ id: `default/${name}`, model: 'm', protocol: { protocolName: 'serial', configData } },
    properties: [
      {
        ...{ name: 'p', type: 'float', access: 'ReadOnly', reportToCloud: true },
        ...{ reportCycleMs: 1000, collectCycleMs: 1000 },
        visitor: { protocolName: 'serial', configData: place },
      },
    ],
  };
}

test('a unit is the address that is asked, and only its telegrams count', async (t) => {
  const { settings, issues } = await readSettings(meter('m', 5));
  t.deepEqual(issues, []);
  t.deepEqual(Buffer.from(settings?.request ?? []).toString('hex'), '105b056016');
  t.like(settings?.visitors.get('p')?.place, { kind: 'record', from: 5 });
  t.is(
    (await readSettings(meter('m', 251))).issues[0]?.message,
    'unitId is 251, not a whole number from 0 to 250',
  );
  const any = await readSettings(meter('m'));
  t.deepEqual(Buffer.from(any.settings?.request ?? []).toString('hex'), '105bfe5916');
  t.like(any.settings?.visitors.get('p')?.place, { kind: 'record', from: undefined });
});

test('a telegram of another meter of the line is not taken', (t) => {
  const place = readMbusPlace(new ConfigReader({ record: { quantity: 'energy' } }, []));
  if (place === undefined) throw new TypeError('no place');
  const frame = telegram('04 03 01 00 00 00');
  t.is(findRecord({ ...place, from: 6 }, frame), undefined);
  t.deepEqual(findRecord({ ...place, from: 5 }, frame), { digits: 1n, exponent: 0 });
});

test('meters of different addresses share a line; one that asks any of them does not', async (t) => {
  t.deepEqual(await serialModule.validate(meter('b', 2), [meter('a', 1)]), []);
  t.is((await serialModule.validate(meter('b', 1), [meter('a', 1)])).length, 1);
  t.is((await serialModule.validate(meter('b', 1), [meter('a')])).length, 1);
  t.is((await serialModule.validate(meter('b'), [meter('a', 1)])).length, 1);
});

test('a property is scaled from the unit of its quantity; what the telegram has no value of is bad at once', async (t) => {
  const { settings } = await readSettings(meter('m'));
  const energy = settings?.visitors.get('p');
  if (energy === undefined) throw new TypeError('no place');
  const inKwh = { ...energy, scale: { digits: 1n, exponent: -3 } };
  const read = (records: string) => extract(inKwh, 'double', telegram(records));
  t.deepEqual(read('04 03 01 00 00 00'), { ok: true, value: 0.001 });
  const none = { ok: false, code: 'EDGE_OUT_OF_RANGE', why: 'the telegram has no value of it' };
  t.deepEqual(read('04 13 01 00 00 00'), none);
  t.deepEqual(read('04 83 15 01 00 00 00'), none);
  t.is(extract(inKwh, 'double', Uint8Array.of(0xe5)), undefined);
});

test('a bit of the status is a truth', async (t) => {
  const permanent = { record: { quantity: 'status' }, bit: 3 };
  const { settings } = await readSettings(meter('m', 5, permanent));
  const place = settings?.visitors.get('p');
  if (place === undefined) throw new TypeError('no place');
  t.deepEqual(extract(place, 'boolean', telegram('', 0x08)), { ok: true, value: true });
  t.deepEqual(extract(place, 'boolean', telegram('', 0x17)), { ok: true, value: false });
});
