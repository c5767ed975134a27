import test from 'ava';
import type { Device } from '#protocol/device.js';
import { readSettings } from './settings.js';

type Config = Readonly<Record<string, unknown>>;

function device(protocol: Config, visitor: Config = { at: 0, type: 'uint8' }): Device {
  return {
    id: 'default/s',
    model: 'm',
    protocol: { protocolName: 'serial', configData: protocol },
    properties: [
      {
        ...{ name: 'p', type: 'float', access: 'ReadOnly', reportToCloud: true },
        ...{ reportCycleMs: 1000, collectCycleMs: 1000 },
        visitor: { protocolName: 'serial', configData: visitor },
      },
    ],
  };
}

const PORT = { port: '/dev/ttyUSB0' };

test('a port and a place are enough: lines at 9600 8N1', async (t) => {
  const { settings, issues } = await readSettings(device(PORT, { column: 1 }));
  t.deepEqual(issues, []);
  t.deepEqual(settings?.line, {
    ...{ kind: 'port', port: '/dev/ttyUSB0', baudRate: 9600 },
    ...{ dataBits: 8, parity: 'none', stopBits: 1 },
  });
});

test('a line may be on the network, its format is said in one word, its request is text or bytes', async (t) => {
  const network = await readSettings(device({ host: 'ser2net', tcpPort: 4001 }));
  t.deepEqual(network.settings?.line, { kind: 'tcp', host: 'ser2net', tcpPort: 4001 });
  const meter = await readSettings(device({ ...PORT, format: '7E1', request: '/?!\\r\\n' }));
  t.like(meter.settings?.line, { dataBits: 7, parity: 'even', stopBits: 1 });
  t.deepEqual(meter.settings?.request, Buffer.from('/?!\r\n'));
  const co2 = await readSettings(device({ ...PORT, requestHex: 'FF 01 86' }));
  t.deepEqual(Array.from(co2.settings?.request ?? []), [0xff, 1, 0x86]);
});

for (const [number, format] of [
  [70, '7E1'],
  [700, '7E2'],
  [80, '8E1'],
  [800, '8E2'],
] as const)
  test(`a format of ${number} is ${format}, as YAML reads it without quotes`, async (t) => {
    const read = async (said: unknown) => {
      const { settings, issues } = await readSettings(
        device({ ...PORT, format: said }, { column: 1 }),
      );
      t.deepEqual(issues, []);
      return settings?.line;
    };
    t.deepEqual(await read(number), await read(format));
  });

for (const [separator, taken] of [
  [undefined, ','],
  [' ', ' '],
  ['\t', '\t'],
  ['\\t', '\t'],
  ['; ', ';'],
] as const)
  test(`columns stand between ${JSON.stringify(separator ?? 'what is usual')}`, async (t) => {
    const { settings, issues } = await readSettings(device(PORT, { column: 1, separator }));
    t.deepEqual(issues, []);
    t.like(settings?.visitors.get('p')?.place, { kind: 'column', separator: taken });
  });

const WRONG: readonly (readonly [string, Config, Config, RegExp])[] = [
  ['no port', {}, { column: 1 }, /port is missing/],
  ['a format', { ...PORT, format: '9X3' }, { column: 1 }, /format is 9X3/],
  ['a kind of framing', { ...PORT, framing: { kind: 'fixd' } }, { column: 1 }, /fixd.*not known/],
  ['framing that is no map', { ...PORT, framing: 'line' }, { column: 1 }, /not a map/],
  ['sync bytes', { ...PORT, framing: { kind: 'fixed', sync: '4', length: 9 } }, {}, /not hexadec/],
  ['a checksum', { ...PORT, checksum: { kind: 'md5' } }, { column: 1 }, /md5/],
  ['its range', { ...PORT, checksum: { kind: 'lrc', over: 'all' } }, { column: 1 }, /over is all/],
  ['a time', { ...PORT, timeout: 'soon' }, { column: 1 }, /timeout is no time/],
  ['a misspelling', { ...PORT, bautRate: 9600 }, { column: 1 }, /bautRate is not known/],
  ['no place', PORT, { scale: 2 }, /does not say where p stands/],
  ['two places', PORT, { column: 1, json: 'a' }, /column stands beside json/],
  ['a pattern', PORT, { pattern: '(a' }, /pattern cannot be used/],
  ['a look-ahead', PORT, { pattern: '(?=a)b' }, /pattern cannot be used/],
  ['a type', PORT, { at: 0, type: 'uint16' }, /uint16.*not known/],
  ['a path', PORT, { json: 'a..b' }, /json is no path/],
  ['a scale', PORT, { column: 1, scale: 0 }, /scale is 0/],
  ['a port that is no path', { port: 'COM3' }, { column: 1 }, /"COM3", not the path/],
  ['two requests', { ...PORT, request: 'R', requestHex: '52' }, { column: 1 }, /beside requestHex/],
  ['two beginnings', PORT, { column: 1, startsWith: 'R', startsWithHex: '52' }, /beside startsW/],
  ['a code of OBIS', PORT, { obis: 'x' }, /obis is "x"/],
  [
    'a place beyond every frame',
    { ...PORT, framing: { kind: 'line', maxBytes: 64 } },
    { at: 64, type: 'uint8' },
    /at is 64, but no frame is longer than 64 bytes/,
  ],
  [
    'a place beyond a frame of fixed length',
    { ...PORT, framing: { kind: 'fixed', sync: '42', length: 9 } },
    { at: 8, type: 'uint16be' },
    /no frame is longer than 9 bytes/,
  ],
  ['a place across the end', PORT, { at: -1, type: 'uint16be' }, /at is -1, but.*2 bytes/],
  ['names of a number', PORT, { column: 1, enum: { 0: 'off' } }, /enum gives texts.* type FLOAT/],
  ['names that are no map', PORT, { column: 1, enum: ['off'] }, /enum is not a map of at most 256/],
  ['a misspelt enum', PORT, { column: 1, enmu: { 0: 'off' } }, /enmu is not known/],
  ['a clamp', PORT, { column: 1, clamp: [100, 0] }, /clamp is not a list of a lower/],
  ['a precision', PORT, { column: 1, precision: -1 }, /precision is -1, not a whole number/],
  ['bits without a first one', PORT, { column: 1, bits: 2 }, /bits is there without bit/],
  ['a bit beyond its byte', PORT, { at: 0, bit: 8 }, /bit is 8, not a whole number from 0 to 7/],
  ['bits beyond', PORT, { at: 0, bit: 6, bits: 3 }, /bits from bit 6 end beyond bit 7/],
  ['bits of a float', PORT, { at: 0, type: 'float32be', bit: 1 }, /bit is of a float32be/],
  ['a bit beyond its frame', PORT, { at: 4096, bit: 0 }, /at is 4096, but no frame is longer/],
  ['a unit', { ...PORT, unitId: 3 }, { column: 1 }, /unitId is of Modbus/],
];

for (const [name, protocol, visitor, message] of WRONG)
  test(`wrong: ${name}: said with the key`, async (t) => {
    const { settings, issues } = await readSettings(device(protocol, visitor));
    t.is(settings, undefined);
    t.true(
      issues.some((issue) => message.test(issue.message)),
      JSON.stringify(issues),
    );
  });

test('precision, clamp, names and bits are read as those of a register are', async (t) => {
  const place = { at: 1, bit: 4, bits: 3, precision: 1, clamp: [0, 5], invalid: 7 };
  const { settings } = await readSettings(device(PORT, place));
  t.like(settings?.visitors.get('p'), {
    place: { kind: 'bytes', at: 1, type: 'uint8', minus: 0 },
    bits: { from: 4, width: 3 },
    precision: 1,
    clamp: [0n, 5n].map((digits) => ({ digits, exponent: 0 })),
    invalid: [{ digits: 7n, exponent: 0 }],
  });
  const sensor = device(PORT, { column: 1, enum: { '01': 'on', A: true } });
  const properties = sensor.properties.map((one) => ({ ...one, type: 'string' as const }));
  const named = (await readSettings({ ...sensor, properties })).settings?.visitors.get('p')?.names;
  t.deepEqual([...(named ?? [])].sort(), [
    ['1', 'on'],
    ['A', 'true'],
  ]);
});

for (const code of ['1-0:1.8.1', '1.8.0', 'C.1.0', '0-0:96.1.1', '1-0:1.8.0*255'])
  test(`OBIS code ${code} is taken`, async (t) => {
    t.deepEqual((await readSettings(device(PORT, { obis: code }))).issues, []);
  });

test('what can never be written is said: a ReadWrite property, a method', async (t) => {
  const { properties, ...sensor } = device(PORT, { column: 1 });
  const [p] = properties;
  if (p === undefined) throw new TypeError('no property');
  const writable = await readSettings({ ...sensor, properties: [{ ...p, access: 'ReadWrite' }] });
  t.deepEqual(
    writable.issues.map(({ path }) => path.join('.')),
    ['spec.properties.0.accessMode'],
  );
  const methods = [{ name: 'tare', properties: ['p'] }];
  const { issues } = await readSettings({ ...sensor, properties, methods });
  t.deepEqual(
    issues.map(({ path }) => path.join('.')),
    ['spec.methods.0.propertyNames'],
  );
});
