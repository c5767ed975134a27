import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { ServerTCP, type IServiceVector } from 'modbus-serial';
import { systemClock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import type { Mapper, Reading } from '#protocol/mapper-port.js';
import { NO_VERSION } from '#protocol/twin.js';
import {
  complianceDevice,
  inProcessRig,
  mapped,
  mapperCompliance,
  recordingHost,
  until,
  type ComplianceRig,
  type ScriptedDevice,
} from '../compliance.js';
import { modbusModule } from './mapper.js';

/** modbus-serial's server on a free port: a number of 0 would be taken for absent. */
async function serve(
  vector: IServiceVector,
  port = 0,
): Promise<{ port: number; server: ServerTCP; stop: () => Promise<void> }> {
  const server = new ServerTCP(vector, {
    host: '127.0.0.1',
    port: String(port) as unknown as number,
  });
  server.on('socketError', () => undefined);
  await once(server, 'initialized');
  const listener = (server as unknown as { _server: Server })._server;
  return {
    port: (listener.address() as AddressInfo).port,
    server,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function scriptedVector(device: ScriptedDevice): IServiceVector {
  const name = (offset: number): string => (offset === 0 ? 'fast' : 'slow');
  const forever = new Promise<never>(() => undefined);
  return {
    getHoldingRegister: async (offset: number) => (await device.read(name(offset))) ?? forever,
    setRegister: async (offset: number, word: number) => {
      const outcome = await device.write(name(offset), word);
      if (outcome === 'no answer') return forever;
      if (outcome === 'refused') throw Object.assign(new Error('refused'), { modbusErrorCode: 4 });
      return undefined;
    },
  };
}

const tcp = (port: number, timeout = 150): Device['protocol'] => ({
  protocolName: 'modbus',
  configData: { transport: 'tcp', host: '127.0.0.1', tcpPort: port, unitId: 1, timeout },
});

mapperCompliance(test, 'modbus over TCP', async (device): Promise<ComplianceRig> => {
  const server = await serve(scriptedVector(device));
  const { host, readings } = recordingHost(systemClock);
  const mapper = modbusModule.create(host);
  const described = complianceDevice(tcp(server.port), {
    fast: { register: 'HoldingRegister', offset: 0, dataType: 'uint16' },
    slow: { register: 'HoldingRegister', offset: 500, dataType: 'uint16' },
  });
  await mapper.start([mapped(described)]);
  return inProcessRig(mapper, described, readings, () => server.stop());
});

const property = (
  name: string,
  type: Property['type'],
  configData: Readonly<Record<string, unknown>>,
  more: Partial<Property> = {},
): Property => ({
  name,
  type,
  access: 'ReadOnly',
  reportCycleMs: 50,
  collectCycleMs: 50,
  reportToCloud: true,
  visitor: { protocolName: 'modbus', configData },
  ...more,
});
const device = (
  protocol: Device['protocol'],
  properties: readonly Property[],
  id = 'default/d',
): Device => ({
  id,
  model: 'm',
  protocol,
  properties,
});

async function started(
  t: ExecutionContext,
  devices: readonly Device[],
): Promise<{ mapper: Mapper; readings: Reading[] }> {
  const { host, readings } = recordingHost(systemClock);
  const mapper = modbusModule.create(host);
  t.teardown(() => mapper.stop());
  await mapper.start(devices.map((one) => ({ device: one, applied: new Map() })));
  return { mapper, readings };
}

/** 64 registers of each kind that hold their own address and kind. */
function addressed(log: string[] = []): IServiceVector & { coils: Map<number, boolean> } {
  const written = new Map<number, number>();
  const coils = new Map<number, boolean>();
  const within = (offset: number, value: number): number => {
    if (offset < 64) return value;
    throw Object.assign(new Error('no such register'), { modbusErrorCode: 2 });
  };
  return {
    coils,
    getHoldingRegister: (offset: number) => within(offset, written.get(offset) ?? 3000 + offset),
    getInputRegister: (offset: number) => within(offset, 4000 + offset),
    getCoil: (offset: number) => coils.get(offset) ?? false,
    getDiscreteInput: (offset: number) => offset % 2 === 1,
    setRegister: (offset: number, word: number) => {
      log.push(`register ${offset} = ${word}`);
      written.set(offset, within(offset, word));
    },
    setCoil: (offset: number, on: boolean) => {
      log.push(`coil ${offset} = ${on}`);
      coils.set(offset, on);
    },
  };
}

test('reads and writes every register kind of a server that others wrote', async (t) => {
  const log: string[] = [];
  const server = await serve(addressed(log));
  t.teardown(() => server.stop());
  const writable = { access: 'ReadWrite' } as const;
  const { mapper, readings } = await started(t, [
    device(tcp(server.port, 1000), [
      property('input', 'float', {
        register: 'InputRegister',
        offset: 1,
        dataType: 'uint16',
        scale: 0.1,
      }),
      property('wide', 'int', {
        register: 'InputRegister',
        offset: 2,
        dataType: 'uint32',
        order: 'CDAB',
      }),
      property('bit', 'boolean', { register: 'DiscreteInputRegister', offset: 3 }),
      property(
        'holding',
        'int',
        { register: 'HoldingRegister', offset: 5, dataType: 'int16' },
        writable,
      ),
      property(
        'float',
        'float',
        { register: 'HoldingRegister', offset: 6, dataType: 'float32' },
        writable,
      ),
      property('coil', 'boolean', { register: 'CoilRegister', offset: 7 }, writable),
    ]),
  ]);
  const last = (name: string): unknown =>
    readings.findLast((reading) => reading.property === name)?.value;
  await until(
    'all are read',
    () => new Set(readings.map((reading) => reading.property)).size === 6,
  );
  t.is(last('input'), 400.1);
  t.is(last('wide'), 4003 * 65_536 + 4002);
  t.is(last('bit'), true);
  t.is(last('holding'), 3005);
  const write = (name: string, value: number | boolean, n: number): Promise<unknown> =>
    mapper.write({ device: 'default/d', property: name, value, version: { gen: 1, n } });
  t.deepEqual(await write('holding', -2, 1), { ok: true });
  t.deepEqual(await write('float', 230.1, 2), { ok: true });
  t.deepEqual(await write('coil', true, 3), { ok: true });
  await until('all are read back', () =>
    readings.some((reading) => reading.appliedVersion.n === 3),
  );
  await until(
    'the others too',
    () => last('holding') === -2 && last('float') === 230.1 && last('coil') === true,
  );
  t.deepEqual(log, [
    'register 5 = 65534',
    'register 6 = 17254',
    'register 7 = 6554',
    'coil 7 = true',
  ]);
});

test('what cannot be written is refused without being tried again', async (t) => {
  const server = await serve(addressed());
  t.teardown(() => server.stop());
  const writable = { access: 'ReadWrite' } as const;
  const { mapper } = await started(t, [
    device(tcp(server.port, 1000), [
      property(
        'tenths',
        'float',
        { register: 'HoldingRegister', offset: 1, dataType: 'uint16', scale: 0.1 },
        writable,
      ),
      property('nowhere', 'int', { register: 'HoldingRegister', offset: 70 }, writable),
      property('input', 'int', { register: 'InputRegister', offset: 1 }),
    ]),
  ]);
  const write = (name: string, value: number | string): Promise<unknown> =>
    mapper.write({ device: 'default/d', property: name, value, version: { gen: 1, n: 1 } });
  t.like(await write('tenths', 23.45), { ok: false, code: 'EDGE_RANGE', retry: false });
  t.like(await write('tenths', 'warm'), { ok: false, code: 'EDGE_TYPE', retry: false });
  t.like(await write('input', 1), { ok: false, code: 'EDGE_READ_ONLY', retry: false });
  t.like(await write('missing', 1), { ok: false, code: 'EDGE_NO_PROPERTY', retry: false });
  t.like(await write('nowhere', 1), { ok: false, code: 'EDGE_DEVICE_EXCEPTION', retry: false });
  const refused = (await write('nowhere', 1)) as { message: string };
  t.true(refused.message.includes('ILLEGAL DATA ADDRESS'));
});

test('a register that the device lacks is bad alone, and the others are read without it', async (t) => {
  const server = await serve(addressed());
  t.teardown(() => server.stop());
  const { readings } = await started(t, [
    device(tcp(server.port, 1000), [
      property('there', 'int', { register: 'HoldingRegister', offset: 60 }),
      property('gone', 'int', { register: 'HoldingRegister', offset: 70 }),
    ]),
  ]);
  await until('both are heard of', () => readings.length >= 4);
  const of = (name: string): Reading | undefined =>
    readings.find((reading) => reading.property === name);
  t.like(of('there'), { value: 3060, quality: 'good' });
  t.like(of('gone'), { value: null, quality: 'bad', reason: 'EDGE_DEVICE_EXCEPTION' });
});

test('a value outside the range of its property is bad, never a silent number', async (t) => {
  const server = await serve(addressed());
  t.teardown(() => server.stop());
  const { mapper, readings } = await started(t, [
    device(tcp(server.port, 1000), [
      property('hot', 'int', { register: 'InputRegister', offset: 1 }, { maximum: 100 }),
    ]),
  ]);
  await until('it is heard of', () => readings.length > 0);
  t.like(readings[0], { value: null, quality: 'bad', reason: 'EDGE_OUT_OF_RANGE' });
  t.true(mapper.status().devices[0]?.detail?.includes('above the maximum of 100'));
  t.is(mapper.status().devices[0]?.state, 'online');
});

test('two units behind one address share one connection and never mix', async (t) => {
  let connections = 0;
  const vector: IServiceVector = {
    getHoldingRegister: (offset: number, unit: number) => unit * 1000 + offset,
  };
  const server = await serve(vector);
  t.teardown(() => server.stop());
  (server.server as unknown as { _server: Server })._server.on(
    'connection',
    () => (connections += 1),
  );
  const unit = (unitId: number): Device => {
    const protocol = tcp(server.port, 1000);
    const configData = { ...protocol.configData, unitId };
    const offset = { register: 'HoldingRegister', offset: unitId };
    return device(
      { ...protocol, configData },
      [property('own', 'int', offset)],
      `default/u${unitId}`,
    );
  };
  const { host } = recordingHost(systemClock);
  const batches: { device: string; value: unknown }[] = [];
  const mapper = modbusModule.create({
    ...host,
    report: async ({ device: id, readings: [reading] }) => {
      batches.push({ device: id, value: reading?.value });
    },
  });
  t.teardown(() => mapper.stop());
  await mapper.start([1, 2, 3].map((id) => ({ device: unit(id), applied: new Map() })));
  await until('each is read several times', () => batches.length >= 30);
  t.is(connections, 1);
  for (const batch of batches) {
    const id = Number(batch.device.slice(-1));
    t.is(batch.value, id * 1001);
  }
});

test('a server that goes away and comes back is found again, and bad in between', async (t) => {
  const first = await serve(addressed());
  const { mapper, readings } = await started(t, [
    device(tcp(first.port, 200), [
      property('own', 'int', { register: 'HoldingRegister', offset: 1 }),
    ]),
  ]);
  await until('it is read', () => readings.some((reading) => reading.quality === 'good'));
  await first.stop();
  await until('it is away', () => readings.at(-1)?.reason === 'EDGE_DEVICE_CLOSED');
  t.is(mapper.status().devices[0]?.state, 'offline');
  t.truthy(mapper.status().devices[0]?.detail);
  const second = await serve(addressed(), first.port);
  t.teardown(() => second.stop());
  await until('it is back', () => readings.at(-1)?.quality === 'good');
  t.true((mapper.status().counters['reconnects'] ?? 0) > 0);
  t.is(mapper.status().devices[0]?.state, 'online');
});

test('a connection reset in the middle of a request fails that request at once', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.resetAndDestroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { readings } = await started(t, [
    device(tcp((server.address() as AddressInfo).port, 60_000), [
      property('own', 'int', { register: 'HoldingRegister', offset: 1 }),
    ]),
  ]);
  await until('it is bad', () => readings.length > 0);
  t.is(readings[0]?.reason, 'EDGE_DEVICE_CLOSED');
});

test('a server that speaks no Modbus costs a reconnect, not the mapper', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // Unread, it would never see the other end close and would keep this process alive.
    socket.resume();
    socket.write('SSH-2.0-OpenSSH_9.2p1 and whatever else it says\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { mapper, readings } = await started(t, [
    device(tcp((server.address() as AddressInfo).port, 100), [
      property('own', 'int', { register: 'HoldingRegister', offset: 1 }),
    ]),
  ]);
  await until('it was tried again', () => (mapper.status().counters['reconnects'] ?? 0) >= 2);
  t.true(readings.every((reading) => reading.quality === 'bad'));
});

test('a device whose settings are wrong says so, and the others are served', async (t) => {
  const server = await serve(addressed());
  t.teardown(() => server.stop());
  const visitor = { register: 'HoldingRegister', offset: 1 };
  const { mapper, readings } = await started(t, [
    device(
      { protocolName: 'modbus', configData: { transport: 'tcp' } },
      [property('a', 'int', visitor)],
      'default/a',
    ),
    device(tcp(server.port), [property('b', 'int', visitor)], 'default/b'),
  ]);
  await until(
    'both are heard of',
    () => new Set(readings.map(({ property: name }) => name)).size === 2,
  );
  t.like(
    readings.find((reading) => reading.property === 'a'),
    { quality: 'bad', reason: 'EDGE_CONFIG' },
  );
  t.like(
    readings.find((reading) => reading.property === 'b'),
    { quality: 'good', appliedVersion: NO_VERSION },
  );
  t.true(mapper.status().devices[0]?.detail?.includes('host is missing'));
});
