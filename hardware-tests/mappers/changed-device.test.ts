/** A device that changes while its mapper runs: the others on its bus must not notice. */
import type { Socket } from 'node:net';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { silentLog } from '#protocol/log.js';
import type { Mapper, MapperHost, Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { mapped, until } from '#mappers/compliance.js';
import { loadMapper } from '#mappers/registry.js';
import { serialLink } from '#mappers/serial-port.js';
import { startSerialMeter } from '../simulators/modbus-meter.js';
import { onSerial } from './on-serial.js';
import { scripted } from './scripted-server.js';

const LINE = { dataBits: 8, stopBits: 1, parity: 'none' } as const;
const ports = { clock: systemClock, random: seededRandom(9) };

type Settings = Readonly<Record<string, unknown>>;

function device(name: string, protocolName: string, settings: Settings, place: Settings): Device {
  return {
    id: `default/${name}`,
    model: 'm',
    protocol: { protocolName, configData: settings },
    properties: [
      {
        ...({ name: 'p', type: 'int', access: 'ReadOnly', reportToCloud: true } as const),
        ...{ reportCycleMs: 30, collectCycleMs: 30 },
        visitor: { protocolName, configData: place },
      },
    ],
  };
}

const modbus = (name: string, settings: Settings, offset: number): Device =>
  device(name, 'modbus', settings, { register: 'HoldingRegister', offset, dataType: 'uint16' });

interface Heard {
  readonly mapper: Mapper;
  readonly of: (name: string) => readonly Reading[];
  readonly isGood: (name: string, value?: number) => Promise<void>;
}

async function started(protocolName: string, devices: readonly Device[]): Promise<Heard> {
  const all: { id: string; reading: Reading }[] = [];
  const host: MapperHost = {
    ...{ ...ports, log: silentLog },
    report: async ({ device: id, readings }) => {
      all.push(...readings.map((reading) => ({ id, reading })));
    },
  };
  const mapper = (await loadMapper(protocolName))?.create(host);
  if (mapper === undefined) throw new TypeError('no mapper');
  await mapper.start(devices.map(mapped));
  const of = (name: string): readonly Reading[] =>
    all.filter(({ id }) => id === `default/${name}`).map(({ reading }) => reading);
  const isGood = (name: string, value?: number): Promise<void> => {
    const from = of(name).length;
    return until(`${name} is read`, () =>
      of(name)
        .slice(from)
        .some((one) => one.quality === 'good' && (value === undefined || one.value === value)),
    );
  };
  return { mapper, of, isGood };
}

test('a device on TCP is changed and dropped; the other keeps its connection and its cycle', async (t) => {
  const sockets = new Set<Socket>();
  const slave = await scripted('tcp', ({ socket, send, good }) => {
    sockets.add(socket);
    send(good);
  });
  const where = { transport: 'tcp', host: '127.0.0.1', tcpPort: slave.port };
  const { mapper, of, isGood } = await started('modbus', [
    modbus('a', { ...where, unitId: 1 }, 11),
    modbus('b', { ...where, unitId: 2 }, 22),
  ]);
  try {
    await Promise.all([isGood('a', 11), isGood('b', 22)]);
    await mapper.drop?.(['default/b']);
    const before = of('b').length;
    await isGood('a');
    await isGood('a');
    t.is(of('b').length, before, 'nothing is reported of a device that was dropped');
    t.deepEqual(
      mapper.status().devices.map((one) => one.device),
      ['default/a'],
    );
    const version = { gen: 1, n: 1 };
    const write = { device: 'default/b', property: 'p', value: 1, version };
    t.like(await mapper.write(write), { ok: false, code: 'EDGE_NO_DEVICE' });
    await mapper.start([mapped(modbus('b', { ...where, unitId: 2 }, 33))]);
    await isGood('b', 33);
    t.is(sockets.size, 1, 'one connection all the time');
    t.false(of('a').some(({ reason }) => reason === 'EDGE_DEVICE_CLOSED'));
    const { polls = 0, requests = 0 } = mapper.status().counters;
    t.true(polls >= of('a').length && requests >= of('a').length, 'counters go on');
  } finally {
    await mapper.stop();
    await slave.close();
  }
});

onSerial(
  'the last device of a port gives it up; who wants it otherwise gets it then',
  async (t, pair) => {
    const meter = await startSerialMeter({ port: pair.slave, baudRate: 9600, ...LINE }, 1, ports);
    const on = (baudRate: number): Settings => ({
      ...{ transport: 'rtu', port: pair.master, baudRate, unitId: 1, timeout: 200 },
    });
    const { mapper, of, isGood } = await started('modbus', [
      modbus('slow', on(9600), 0),
      modbus('fast', on(115_200), 0),
    ]);
    try {
      await isGood('slow');
      await until('the other is refused', () => of('fast').at(-1)?.reason === 'EDGE_CONFIG');
      t.regex(mapper.status().devices[1]?.detail ?? '', /in another way/);
      await mapper.drop?.(['default/slow']);
      await isGood('fast');
      await mapper.drop?.(['default/fast']);
      // It is locked while it is open.
      await new Promise<void>((resolve, reject) => {
        const link = serialLink(
          { port: pair.master, baudRate: 9600, ...LINE },
          systemClock,
        )({
          opened: () => resolve(link.close()),
          received: () => undefined,
          closed: reject,
        });
      });
      t.pass();
    } finally {
      await mapper.stop();
      await meter.stop();
    }
  },
);

onSerial('a sensor of a port is dropped and changed while the other is heard', async (t, pair) => {
  const talk = { running: true };
  const talker = await new Promise<ReturnType<ReturnType<typeof serialLink>>>((resolve, reject) => {
    const link = serialLink(
      { port: pair.slave, baudRate: 9600, ...LINE },
      systemClock,
    )({
      opened: () => resolve(link),
      received: () => undefined,
      closed: reject,
    });
  });
  const say = (): void => {
    if (!talk.running) return;
    talker.send(Buffer.from('1,2,3\r\n'));
    systemClock.setTimer('say', 20, say);
  };
  say();
  const settings = { port: pair.master };
  const column = (name: string, at: number): Device =>
    device(name, 'serial', settings, { column: at });
  const { mapper, of, isGood } = await started('serial', [column('a', 0), column('b', 1)]);
  try {
    await Promise.all([isGood('a', 1), isGood('b', 2)]);
    await mapper.drop?.(['default/b']);
    const before = of('b').length;
    await isGood('a', 1);
    t.is(of('b').length, before);
    await mapper.start([mapped(column('b', 2))]);
    await isGood('b', 3);
    t.is(mapper.status().counters['reconnects'], 0, 'the port stayed open');
    t.true((mapper.status().counters['frames'] ?? 0) > 0);
  } finally {
    talk.running = false;
    await mapper.stop();
    await talker.close();
  }
});
