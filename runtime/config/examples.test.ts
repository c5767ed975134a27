import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import test from 'ava';
import { NO_TEMPLATES, readDevices } from './device-files.js';
import { loadConfig } from './load.js';

const EXAMPLES = fileURLToPath(new URL('../../../docs/examples/', import.meta.url));

const RTU = {
  transport: 'rtu',
  port: '/dev/ttyUSB0',
  baudRate: 9600,
  dataBits: 8,
  stopBits: 1,
  parity: 'even',
  unitId: 1,
};

async function meter(file: string) {
  const failed = (): void => {
    throw new TypeError(`${file} is missing`);
  };
  const { devices, issues } = await readDevices(
    EXAMPLES,
    [file],
    'gateway-1',
    () => [],
    NO_TEMPLATES,
    failed,
  );
  const device = devices.find(({ id }) => id === 'default/meter-1');
  if (device === undefined) throw new TypeError(`${file} has no meter-1`);
  return { device, issues };
}

test('the example of a gateway loads with its devices and without a warning', async (t) => {
  const config = await loadConfig(join(EXAMPLES, 'gateway.yaml'), () => []);
  t.deepEqual(config.warnings, []);
  t.deepEqual(config.devices.map(({ id }) => id).sort(), [
    'default/greenhouse-1',
    'default/meter-1',
    'default/meter-2',
    'default/tank-1',
  ]);
  const tank = config.devices.find(({ id }) => id === 'default/tank-1');
  t.deepEqual(tank?.protocol.configData, {
    transport: 'tcp',
    host: '10.0.0.6',
    tcpPort: 502,
    unitId: 3,
  });
});

for (const file of ['power-meter-rtu.yaml', 'power-meter-rtu-serial-port.yaml'])
  test(`${file} describes the serial line in another spelling`, async (t) => {
    const { device, issues } = await meter(file);
    t.deepEqual(issues, []);
    t.deepEqual(device.protocol, { protocolName: 'modbus', configData: RTU });
    t.deepEqual(
      device.properties.map(({ name, type }) => `${name} ${type}`),
      ['voltage double', 'relay boolean'],
    );
  });

test('power-meter-rtu-v1alpha2.yaml of the older version loads as well', async (t) => {
  const { device, issues } = await meter('power-meter-rtu-v1alpha2.yaml');
  t.deepEqual(issues, []);
  t.is(device.description, 'main-switch');
  t.deepEqual(device.protocol.configData, { customizedValues: { serialType: 'RS485' }, ...RTU });
  t.deepEqual(device.properties, [
    {
      name: 'voltage',
      description: 'Between phase and neutral',
      type: 'double',
      access: 'ReadOnly',
      maximum: 300,
      unit: 'V',
      reportCycleMs: 1000,
      collectCycleMs: 500,
      reportToCloud: true,
      visitor: {
        protocolName: 'modbus',
        configData: {
          register: 'InputRegister',
          offset: 0,
          limit: 2,
          scale: 1,
          isSwap: false,
          isRegisterSwap: false,
        },
      },
    },
    {
      name: 'relay',
      type: 'boolean',
      access: 'ReadWrite',
      reportCycleMs: 1000,
      collectCycleMs: 1000,
      reportToCloud: true,
      visitor: {
        protocolName: 'modbus',
        configData: { register: 'CoilRegister', offset: 16, limit: 1 },
      },
      desired: true,
    },
  ]);
});
