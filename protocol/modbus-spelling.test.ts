import test from 'ava';
import { normaliseModbusConfig } from './modbus-spelling.js';

const RTU = {
  transport: 'rtu',
  port: '/dev/ttyUSB0',
  baudRate: 9600,
  dataBits: 8,
  stopBits: 1,
  parity: 'even',
  unitId: 7,
};

const SPELLINGS: Record<string, Record<string, unknown>> = {
  'kubeedge/examples': {
    communicateMode: 'RTU',
    serialName: '/dev/ttyUSB0',
    baudRate: 9600,
    dataBits: 8,
    stopBits: 1,
    parity: 'even',
    slaveID: 7,
  },
  'mappers-go 1.15': {
    communicateMode: 'RTU',
    serialPort: '/dev/ttyUSB0',
    baudRate: '9600',
    dataBits: '8',
    stopBits: '1',
    parity: 'EVEN',
    slaveID: '7',
  },
  v1alpha2: {
    slaveID: 7,
    com: { serialPort: '/dev/ttyUSB0', baudRate: 9600, dataBits: 8, stopBits: 1, parity: 'E' },
  },
  'our own': RTU,
};

for (const [spelling, configData] of Object.entries(SPELLINGS))
  test(`the serial line in the spelling of ${spelling} is understood`, (t) => {
    t.deepEqual(normaliseModbusConfig(configData), RTU);
  });

test('Modbus TCP in each spelling is understood', (t) => {
  const tcp = { transport: 'tcp', host: '10.0.0.5', tcpPort: 502, unitId: 1 };
  const spellings = [
    { communicateMode: 'TCP', ip: '10.0.0.5', port: '502', slaveID: 1 },
    { slaveID: 1, tcp: { ip: '10.0.0.5', port: 502 } },
    { ip: '10.0.0.5', port: 502, slaveId: '1' },
    { transport: 'tcp', host: '10.0.0.5', tcpPort: 502, unitId: 1 },
  ];
  for (const configData of spellings) t.deepEqual(normaliseModbusConfig(configData), tcp);
});

test('a device may give only the address and leave the line to its model', (t) => {
  const model = { communicateMode: 'RTU', baudRate: 19200, parity: 'none', slaveID: 1 };
  t.deepEqual(normaliseModbusConfig(model, { serialPort: '/dev/ttyS1', slaveID: 4 }), {
    transport: 'rtu',
    port: '/dev/ttyS1',
    baudRate: 19200,
    parity: 'none',
    unitId: 4,
  });
  t.deepEqual(normaliseModbusConfig({ communicateMode: 'TCP', port: 1502 }, { ip: 'plc' }), {
    transport: 'tcp',
    tcpPort: 1502,
    host: 'plc',
  });
  t.deepEqual(normaliseModbusConfig({ port: 'ttyS0' }, { transport: 'RTU' }), {
    transport: 'rtu',
    port: 'ttyS0',
  });
});

test('what is not understood is kept for the mapper to judge', (t) => {
  const odd = { baudRate: 'fast', rs485Enabled: false, timeout: 'soon', parity: 'mark', com: 3 };
  t.deepEqual(normaliseModbusConfig(odd), odd);
  t.deepEqual(normaliseModbusConfig({ communicateMode: 5 }), { transport: 5 });
  t.deepEqual(normaliseModbusConfig({ timeout: '2s' }, {}), { timeout: 2000 });
});
