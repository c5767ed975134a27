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
  ['no place', PORT, { scale: 2 }, /one of at, pattern.*not none/],
  ['two places', PORT, { column: 1, json: 'a' }, /not json and column/],
  ['a pattern', PORT, { pattern: '(a' }, /pattern cannot be used/],
  ['a look-ahead', PORT, { pattern: '(?=a)b' }, /pattern cannot be used/],
  ['a type', PORT, { at: 0, type: 'uint16' }, /uint16.*not known/],
  ['a path', PORT, { json: 'a..b' }, /json is no path/],
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
