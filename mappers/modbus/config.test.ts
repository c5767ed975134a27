import test from 'ava';
import type { Device, Property } from '#protocol/device.js';
import { normaliseModbusConfig } from '#protocol/modbus-spelling.js';
import { busIdentity } from './bus-settings.js';
import { readSettings } from './config.js';
import { toNumber } from '../decimal.js';

const tcp = { transport: 'tcp', host: '10.0.0.5' };
const rtu = { transport: 'rtu', port: '/dev/ttyUSB0' };

function device(
  configData: Readonly<Record<string, unknown>>,
  visitor?: Readonly<Record<string, unknown>>,
  property: Partial<Property> = {},
): Device {
  const properties =
    visitor === undefined
      ? []
      : [
          {
            name: 'p',
            type: 'float',
            access: 'ReadOnly',
            reportCycleMs: 1000,
            collectCycleMs: 1000,
            reportToCloud: true,
            visitor: { protocolName: 'modbus', configData: visitor },
            ...property,
          } as const,
        ];
  return {
    id: 'default/d',
    model: 'm',
    protocol: { protocolName: 'modbus', configData },
    properties,
  };
}

const visitorOf = (
  visitor: Readonly<Record<string, unknown>>,
  property: Partial<Property> = {},
) => {
  const { settings, issues } = readSettings(device(tcp, visitor, property));
  return settings?.visitors.get('p') ?? issues.map(({ message }) => message);
};

test('the settings of KubeEdge’s mappers are understood, with the usual defaults', (t) => {
  for (const [config, expected] of [
    [
      { communicateMode: 'TCP', ip: '10.0.0.5', port: '502', slaveID: 1 },
      { bus: { transport: 'tcp', host: '10.0.0.5', tcpPort: 502 }, unit: 1, timeoutMs: 1000 },
    ],
    [
      {
        communicateMode: 'RTU',
        serialName: '/dev/ttyUSB0',
        baudRate: '19200',
        parity: 'even',
        slaveID: 7,
        rs485Enabled: false,
        timeout: 300,
      },
      {
        bus: {
          transport: 'rtu',
          port: '/dev/ttyUSB0',
          baudRate: 19_200,
          dataBits: 8,
          stopBits: 1,
          parity: 'even',
        },
        unit: 7,
        timeoutMs: 300,
      },
    ],
  ] as const) {
    const { settings, issues } = readSettings(device(normaliseModbusConfig(config)));
    t.deepEqual(issues, []);
    t.like(settings, expected);
  }
});

test('types and orders of both vocabularies mean what they say', (t) => {
  const at = (more: object): Record<string, unknown> => ({
    register: 'HoldingRegister',
    offset: 4,
    ...more,
  });
  t.like(visitorOf(at({})), {
    kind: 'holding',
    offset: 4,
    count: 1,
    type: 'uint16',
    order: 'ABCD',
  });
  t.like(visitorOf(at({ dataType: 'int', limit: 2 })), { type: 'uint32', count: 2 });
  t.like(visitorOf(at({ dataType: 'double' })), { type: 'float64', count: 4 });
  t.like(visitorOf(at({ dataType: 'float', isSwap: true })), { type: 'float32', order: 'BADC' });
  t.like(visitorOf(at({ dataType: 'float', isRegisterSwap: true })), { order: 'CDAB' });
  t.like(visitorOf(at({ dataType: 'float', isSwap: true, isRegisterSwap: true })), {
    order: 'DCBA',
  });
  t.like(visitorOf(at({ dataType: 'int32', order: 'cdab' })), { type: 'int32', order: 'CDAB' });
  t.like(visitorOf({ register: 'CoilRegister', offset: 0 }, { type: 'boolean' }), {
    kind: 'coil',
    type: 'boolean',
    count: 1,
  });
  const scaled = visitorOf(at({ scale: 0.1 }));
  t.is('scale' in scaled ? toNumber(scaled.scale) : 0, 0.1);
  const unscaled = visitorOf(at({ scale: 0 }));
  t.is('scale' in unscaled ? toNumber(unscaled.scale) : 0, 1);
});

test('every fault is named with its path, and a misspelt key or word with what it may mean', (t) => {
  const faulty = device(
    { transport: 'rtu', prot: '/dev/ttyUSB0', baudRate: 'fast', parity: 'evn', unitId: 300 },
    { register: 'HoldingRegistr', ofset: 4, dataType: 'flaot32' },
  );
  const { settings, issues } = readSettings(faulty);
  t.is(settings, undefined);
  const config = ['spec', 'protocol', 'configData'];
  const visitor = ['spec', 'properties', 0, 'visitors', 'configData'];
  const found = issues.map(({ path, hint }) => [path.at(-1), path.slice(0, -1), hint]);
  for (const expected of [
    ['port', config, 'Write port: /dev/serial/by-id/..., or host: for Modbus TCP.'],
    ['prot', config, 'Did you mean port?'],
    ['baudRate', config, undefined],
    ['parity', config, 'Did you mean even?'],
    [
      'unitId',
      config,
      'Write the number that is set at the device; edgetwin mapper scan finds it.',
    ],
    ['register', visitor, 'Did you mean HoldingRegister?'],
    ['offset', visitor, undefined],
    ['ofset', visitor, 'Did you mean offset?'],
    ['dataType', visitor, 'Did you mean float32?'],
  ])
    t.true(
      found.some((issue) => JSON.stringify(issue) === JSON.stringify(expected)),
      JSON.stringify([expected, found]),
    );
});

test('what could never work is refused before anything starts', (t) => {
  const at = (more: object): Record<string, unknown> => ({
    register: 'HoldingRegister',
    offset: 4,
    ...more,
  });
  const writable = { access: 'ReadWrite' } as const;
  for (const [visitor, property, message] of [
    [at({ register: 'InputRegister' }), writable, 'register cannot be written, but p is ReadWrite'],
    [at({ scale: 0.1 }), { type: 'int' }, 'scale gives fractions'],
    [at({ dataType: 'float32' }), { type: 'int' }, 'dataType is float32, but the property is INT'],
    [at({ dataType: 'int', limit: 3 }), {}, 'an int has 1, 2 or 4 registers'],
    [at({ dataType: 'float32', limit: 1 }), {}, 'limit is 1, but dataType float32 has 2'],
    [at({ dataType: 'string' }), { type: 'string' }, 'limit is missing'],
    [at({ dataType: 'string', limit: 126 }), { type: 'string' }, 'at most 125'],
    [
      at({ dataType: 'string', limit: 4 }),
      {},
      'dataType is string, but the property is of type float',
    ],
    [at({ offset: 65_535, dataType: 'int32' }), {}, 'ends beyond 65535'],
    [at({ offset: -1 }), {}, 'offset is -1, not a whole number from 0 to 65535'],
    [
      { register: 'CoilRegister', offset: 0, dataType: 'float32' },
      {},
      'bits are boolean, int or bytes',
    ],
    [{}, {}, 'register is missing'],
  ] as const) {
    const { issues } = readSettings(device(tcp, visitor, property));
    t.true(
      issues.some((issue) => issue.message.includes(message)),
      `${message}: ${JSON.stringify(issues)}`,
    );
  }
});

test('hostile settings are issues, never exceptions', (t) => {
  const hostile: unknown[] = [
    null,
    [],
    {},
    Number.NaN,
    1e300,
    '',
    'x'.repeat(1e5),
    true,
    { __proto__: null },
  ];
  for (const value of hostile)
    for (const key of [
      'transport',
      'port',
      'baudRate',
      'unitId',
      'timeout',
      '__proto__',
      'constructor',
    ])
      t.notThrows(() =>
        readSettings(
          device(
            { ...rtu, [key]: value },
            { register: value, offset: value, scale: value, limit: value },
          ),
        ),
      );
});

test('one port or address is one bus, however it is spelt', (t) => {
  const bus = (config: Readonly<Record<string, unknown>>): string => {
    const { settings } = readSettings(device(config));
    return settings === undefined ? 'none' : busIdentity(settings.bus);
  };
  t.is(bus({ ...rtu, unitId: 1 }), bus({ ...rtu, port: '/dev//ttyUSB0', unitId: 2 }));
  t.is(bus({ ...tcp, host: 'Meter.local' }), bus({ ...tcp, host: 'meter.local', tcpPort: 502 }));
  t.not(bus({ ...tcp, tcpPort: 503 }), bus(tcp));
});
