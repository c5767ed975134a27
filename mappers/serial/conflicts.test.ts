import test from 'ava';
import type { Device } from '#protocol/device.js';
import { serialModule } from './mapper.js';

type Config = Readonly<Record<string, unknown>>;
type Sensor = readonly [protocol: Config, visitor: Config];

const PORT = { port: '/dev/ttyUSB0' };
const CO2 = {
  ...PORT,
  requestHex: 'ff 01 86 00 00 00 00 00 79',
  framing: { kind: 'fixed', sync: 'ff 86', length: 9 },
  checksum: { kind: 'sum8-twos', over: '1..-1' },
};

function sensor(name: string, protocol: Config, visitor: Config): Device {
  return {
    ...{ id: `default/${name}`, model: 'm' },
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

async function messages(a: Sensor, b: Sensor): Promise<readonly string[]> {
  const issues = await serialModule.validate(sensor('b', ...b), [sensor('a', ...a)]);
  return issues.map(({ path, message }) => `${path.at(-1)}: ${message}`);
}

const AT = { at: 2, type: 'uint16be' };
const SAME = 'port: port is the line of default/a, whose frames cannot be told from these';
const ASKED = 'port: port is the line of default/a, which is asked with the same request';

const REFUSED: readonly (readonly [name: string, a: Sensor, b: Sensor, message: string])[] = [
  ['two of one kind that talk', [PORT, { column: 0 }], [PORT, { column: 1 }], SAME],
  [
    'the same marks in other letters',
    [{ ...PORT, framing: { kind: 'fixed', sync: 'AA C0', length: 10 } }, AT],
    [{ ...PORT, framing: { kind: 'fixed', sync: 'aac0', length: 12 } }, AT],
    SAME,
  ],
  ['one sentence of two receivers', [PORT, gga(2)], [PORT, gga(4)], SAME],
  ['two of one kind that are asked', [CO2, AT], [CO2, AT], ASKED],
  ['an answer that may be late', [CO2, AT], [{ ...CO2, requestHex: 'ff 02 86' }, AT], SAME],
  [
    'a beginning of the other beginning',
    [PORT, { column: 0, startsWith: 'T' }],
    [PORT, { column: 0, startsWith: 'T1' }],
    SAME,
  ],
  [
    'two behind one server',
    [{ host: 'a', tcpPort: 4001 }, { column: 0 }],
    [{ host: 'a', tcpPort: 4001 }, { column: 0 }],
    'host: host is the line of default/a, whose frames cannot be told from these',
  ],
];

for (const [name, a, b, message] of REFUSED)
  test(`two sensors on one line are refused: ${name}`, async (t) => {
    t.deepEqual(await messages(a, b), [message]);
  });

const TAKEN: readonly (readonly [name: string, a: Sensor, b: Sensor])[] = [
  [
    'other beginnings',
    [PORT, { column: 1, startsWith: 'A' }],
    [PORT, { column: 1, startsWith: 'B' }],
  ],
  ['other patterns', [PORT, { pattern: '^A (.*)' }], [PORT, { pattern: '^B (.*)' }]],
  ['another framing', [CO2, AT], [{ ...PORT, framing: { kind: 'slip' } }, AT]],
  [
    'other marks',
    [CO2, AT],
    [{ ...CO2, requestHex: '01', framing: { ...CO2.framing, sync: 'fe' } }, AT],
  ],
  ['another port', [PORT, { column: 0 }], [{ port: '/dev/ttyUSB1' }, { column: 0 }]],
];

for (const [name, a, b] of TAKEN)
  test(`two sensors on one line are taken: ${name}`, async (t) => {
    t.deepEqual(await messages(a, b), []);
  });

function gga(field: number): Config {
  return { sentence: 'GGA', field };
}
