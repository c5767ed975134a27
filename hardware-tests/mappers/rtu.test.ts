import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import type { Mapper, MapperHost, Reading } from '#protocol/mapper-port.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import {
  complianceDevice,
  FAST,
  inProcessRig,
  mapped,
  mapperCompliance,
  recordingHost,
  until,
  type ComplianceRig,
} from '#mappers/compliance.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { serialLink } from '#mappers/serial-port.js';
import { startSerialMeter } from '../simulators/modbus-meter.js';
import { RtuSlave } from '../simulators/rtu-slave.js';
import { onSerial } from './on-serial.js';
import { hasSocat, SerialPair, startPymodbus } from './serial-pair.js';

const BAUD = 115_200;
const LINE = { baudRate: BAUD, dataBits: 8, stopBits: 1, parity: 'none' } as const;

const rtu = (port: string, unitId: number, timeout = 1000): Device['protocol'] => ({
  protocolName: 'modbus',
  configData: { transport: 'rtu', port, baudRate: BAUD, unitId, timeout },
});

const property = (
  name: string,
  type: Property['type'],
  configData: Readonly<Record<string, unknown>>,
): Property => ({
  name,
  type,
  access: 'ReadWrite',
  reportCycleMs: 50,
  collectCycleMs: 50,
  reportToCloud: true,
  visitor: { protocolName: 'modbus', configData },
});

interface Heard {
  readonly mapper: Mapper;
  readonly of: (device: string, name: string) => Reading | undefined;
  readonly all: { readonly device: string; readonly reading: Reading }[];
}

async function started(devices: readonly Device[]): Promise<Heard> {
  const all: Heard['all'] = [];
  const host: MapperHost = {
    clock: systemClock,
    random: seededRandom(3),
    log: silentLog,
    report: async ({ device, readings }) => {
      all.push(...readings.map((reading) => ({ device, reading })));
    },
  };
  const mapper = modbusModule.create(host);
  await mapper.start(devices.map((device) => ({ device, applied: new Map() })));
  const of = (device: string, name: string): Reading | undefined =>
    all.findLast((heard) => heard.device === device && heard.reading.property === name)?.reading;
  return { mapper, of, all };
}

onSerial(
  'two units of pymodbus on one line are read and written, never mixed',
  async (t, pair) => {
    const stopSlave = await startPymodbus(pair.slave, BAUD);
    const unit = (id: number): Device => ({
      id: `default/u${id}`,
      model: 'm',
      protocol: rtu(pair.master, id),
      properties: [
        {
          ...property('input', 'int', { register: 'InputRegister', offset: 5 }),
          access: 'ReadOnly',
        },
        property('holding', 'int', { register: 'HoldingRegister', offset: 7, dataType: 'int16' }),
        property('wide', 'float', {
          register: 'HoldingRegister',
          offset: 20,
          dataType: 'float32',
          order: 'CDAB',
        }),
        property('coil', 'boolean', { register: 'CoilRegister', offset: 3 }),
        {
          ...property('bit', 'boolean', { register: 'DiscreteInputRegister', offset: 2 }),
          access: 'ReadOnly',
        },
      ],
    });
    const { mapper, of, all } = await started([unit(1), unit(2)]);
    try {
      await until(
        'both are read',
        () =>
          of('default/u1', 'bit')?.quality === 'good' &&
          of('default/u2', 'bit')?.quality === 'good',
      );
      for (const id of [1, 2]) {
        t.is(of(`default/u${id}`, 'input')?.value, id * 1000 + 405);
        t.is(of(`default/u${id}`, 'holding')?.value, id * 1000 + 307);
        t.is(of(`default/u${id}`, 'coil')?.value, true);
        t.is(of(`default/u${id}`, 'bit')?.value, false);
      }
      const write = (name: string, value: number | boolean, n: number): Promise<unknown> =>
        mapper.write({ device: 'default/u2', property: name, value, version: { gen: 1, n } });
      t.deepEqual(await write('holding', -12, 1), { ok: true });
      t.deepEqual(await write('wide', 230.1, 2), { ok: true });
      t.deepEqual(await write('coil', false, 3), { ok: true });
      await until('it is read back', () => of('default/u2', 'coil')?.appliedVersion.n === 3);
      t.is(of('default/u2', 'holding')?.value, -12);
      t.is(of('default/u2', 'wide')?.value, 230.1);
      t.is(of('default/u2', 'coil')?.value, false);
      const seen = all.length;
      await until('more polls', () => all.length > seen + 40);
      t.is(of('default/u1', 'holding')?.value, 1307);
      t.is(of('default/u1', 'coil')?.value, true);
      const inputs = all.filter(
        ({ reading }) => reading.property === 'input' && reading.quality === 'good',
      );
      t.true(
        inputs.every(
          ({ device, reading }) => reading.value === Number(device.slice(-1)) * 1000 + 405,
        ),
      );
      t.is(mapper.status().counters['crcErrors'], 0);
    } finally {
      await mapper.stop();
      await stopSlave();
    }
  },
  { pymodbus: true },
);

onSerial(
  'a unit that nobody is costs its own readings, not those of its neighbour',
  async (t, pair) => {
    const stopSlave = await startPymodbus(pair.slave, BAUD);
    const unit = (id: number): Device => ({
      id: `default/u${id}`,
      model: 'm',
      protocol: rtu(pair.master, id, 100),
      properties: [property('holding', 'int', { register: 'HoldingRegister', offset: 7 })],
    });
    const { mapper, of, all } = await started([unit(1), unit(9)]);
    try {
      await until(
        'the missing one is missed',
        () => of('default/u9', 'holding')?.reason === 'EDGE_DEVICE_TIMEOUT',
      );
      await until('the other is read', () => of('default/u1', 'holding')?.value === 1307);
      const seen = all.length;
      await until(
        'it goes on',
        () => all.slice(seen).filter(({ device }) => device === 'default/u1').length > 5,
      );
      t.deepEqual(
        mapper.status().devices.map(({ state }) => state),
        ['online', 'offline'],
      );
    } finally {
      await mapper.stop();
      await stopSlave();
    }
  },
  { pymodbus: true },
);

onSerial('an adapter that is pulled out and plugged in again is found again', async (t, pair) => {
  const ports = { clock: systemClock, random: seededRandom(1) };
  const meter = await startSerialMeter({ port: pair.slave, ...LINE }, 1, ports);
  const device: Device = {
    id: 'default/m',
    model: 'm',
    protocol: rtu(pair.master, 1, 200),
    properties: [
      property('setpoint', 'float', { register: 'HoldingRegister', offset: 0, scale: 0.1 }),
    ],
  };
  const { mapper, of } = await started([device]);
  try {
    await until('it is read', () => of('default/m', 'setpoint')?.value === 42.5);
    await pair.unplug();
    await until('it is away', () => of('default/m', 'setpoint')?.reason === 'EDGE_DEVICE_CLOSED');
    t.is(mapper.status().devices[0]?.state, 'offline');
    await meter.stop();
    await pair.plugIn();
    const again = await startSerialMeter({ port: pair.slave, ...LINE }, 1, ports);
    try {
      await until('it is back', () => of('default/m', 'setpoint')?.quality === 'good');
      t.true((mapper.status().counters['reconnects'] ?? 0) > 0);
    } finally {
      await again.stop();
    }
  } finally {
    await mapper.stop();
  }
});

onSerial('a serial port that is not there yet is opened when it comes', async (t, pair) => {
  await pair.unplug();
  const device: Device = {
    id: 'default/m',
    model: 'm',
    protocol: rtu(pair.master, 1, 200),
    properties: [property('relay', 'boolean', { register: 'CoilRegister', offset: 0 })],
  };
  const { mapper, of } = await started([device]);
  try {
    await until('it is missed', () => of('default/m', 'relay')?.reason === 'EDGE_DEVICE_CLOSED');
    t.regex(mapper.status().devices[0]?.detail ?? '', /cannot be opened/);
    await pair.plugIn();
    const meter = await startSerialMeter({ port: pair.slave, ...LINE }, 1, {
      clock: systemClock,
      random: seededRandom(1),
    });
    try {
      await until('it is read', () => of('default/m', 'relay')?.value === true);
    } finally {
      await meter.stop();
    }
  } finally {
    await mapper.stop();
  }
});

if (hasSocat)
  mapperCompliance(test, 'modbus over a serial line', async (device): Promise<ComplianceRig> => {
    const pair = await SerialPair.open();
    const stopSlave = await scriptedSlave(pair.slave, async (request) => {
      const name = request[3] === 0 ? FAST : 'slow';
      if (request[1] === 3) {
        const value = await device.read(name);
        return value === undefined ? undefined : Uint8Array.of(3, 2, value >> 8, value & 0xff);
      }
      const outcome = await device.write(name, ((request[4] ?? 0) << 8) | (request[5] ?? 0));
      if (outcome === 'no answer') return undefined;
      return outcome === 'refused' ? Uint8Array.of(0x86, 4) : request.slice(1, 6);
    });
    const { host, readings } = recordingHost(systemClock);
    const mapper = modbusModule.create(host);
    const described = complianceDevice(rtu(pair.master, 1, 150), {
      fast: { register: 'HoldingRegister', offset: 0 },
      slow: { register: 'HoldingRegister', offset: 50 },
    });
    await mapper.start([mapped(described)]);
    return inProcessRig(mapper, described, readings, async () => {
      await stopSlave();
      await pair.close();
    });
  });

/** A slave whose answers come when they come: also too late for the request that they are for. */
async function scriptedSlave(
  port: string,
  answer: (frame: Uint8Array) => Promise<Uint8Array | undefined>,
): Promise<() => Promise<void>> {
  const slave = new RtuSlave(1, { read: () => 0, write: () => 'ok' });
  let send: (bytes: Uint8Array) => void = () => undefined;
  const link = await new Promise<ReturnType<ReturnType<typeof serialLink>>>((resolve, reject) => {
    const opened = serialLink(
      { port, ...LINE },
      systemClock,
    )({
      opened: () => resolve(opened),
      received: (bytes) => {
        for (const request of slave.requests(bytes))
          void answer(request).then((pdu) => pdu && send(slave.frame(pdu)));
      },
      closed: reject,
    });
    send = (bytes) => opened.send(bytes);
  });
  return () => link.close();
}
