import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { complianceDevice, mapped, recordingHost } from '#mappers/compliance.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { compiled } from '../mappers/compiled.js';
import { FOREIGN_SLAVES } from '../mappers/foreign-slave.js';
import { serveTcp } from '../simulators/modbus-meter.js';
import { libmodbus, measured, median, ours, theirTcp, type Figures } from './modbus-masters.js';
import type { BenchResult } from './table.js';

const REGISTERS = { read: (_: unknown, offset: number) => offset, write: () => 'ok' as const };
const HOST = '127.0.0.1';
const PEER = 'modbus-serial';
const FLEET = { devices: 100, properties: 10, cycleMs: 1_000 } as const;

type Row = BenchResult['rows'][number];

/** Reads per second beside two libraries, each one after the other and 16 at once. */
export async function onTcp(quick: boolean): Promise<readonly BenchResult[]> {
  const foreign = FOREIGN_SLAVES['libmodbus'];
  if (foreign?.isThere !== true) return [];
  const reads = quick ? 1_000 : 10_000;
  const found = new Map<string, Figures[]>();
  const masters = [
    ['edgetwin', async (tcpPort: number) => ours({ transport: 'tcp', host: HOST, tcpPort })],
    [PEER, theirTcp],
  ] as const;
  // In turns: what is measured first in a process runs cold. One slave for one master: libmodbus's
  // serves one connection at a time.
  for (let turn = 0; turn < (quick ? 1 : 5); turn += 1)
    for (const depth of [1, 16])
      for (const [name, open] of masters) {
        const slave = await foreign.start('tcp');
        const [unit = 1] = slave.units;
        const master = await open(slave.tcpPort);
        const read = (nth: number): Promise<boolean> => master.read(unit, nth % 1_000, 1);
        await measured(read, 1_000, depth);
        const figures = await measured(read, reads, depth);
        found.set(`${name} ${depth}`, [...(found.get(`${name} ${depth}`) ?? []), figures]);
        await master.close();
        await slave.stop();
      }
  const middle = (name: string, depth: number): Figures =>
    median(found.get(`${name} ${depth}`) ?? [], ({ cpuMicroseconds }) => cpuMicroseconds);
  const rows: Row[] = [1, 16].flatMap((depth) =>
    masters.map(([name]) => {
      const figures = middle(name, depth);
      const peer = middle(PEER, depth);
      return {
        ...row(name, depth, figures),
        cpuRatio: figures.cpuMicroseconds / peer.cpuMicroseconds,
        speedRatio: figures.perSecond / peer.perSecond,
      };
    }),
  );
  const slave = await foreign.start('tcp');
  const peer = compiled('libmodbus-master');
  const words = ['tcp', slave.tcpPort, slave.units[0] ?? 1, 1, reads];
  rows.push(row('libmodbus', 1, await libmodbus(peer.program, words, reads)));
  peer.remove();
  await slave.stop();
  return [
    {
      title: 'TCP (libmodbus as slave): reads of one register',
      rows,
      notes: [
        'libmodbus has one request of a connection under way, so there is no depth of 16 for it.',
      ],
    },
  ];
}

function row(master: string, depth: number, { perSecond, cpuMicroseconds, failed }: Figures): Row {
  return { master, depth, perSecond, cpuMicroseconds, failed };
}

/** The whole mapper at many devices: what it takes of one core, and how late its polls are. */
export async function fleet(quick: boolean): Promise<readonly BenchResult[]> {
  const servers = await Promise.all(
    Array.from({ length: FLEET.devices }, () => serveTcp(REGISTERS, 0)),
  );
  const { host, readings } = recordingHost(systemClock);
  const mapper = modbusModule.create(host);
  const ports = servers.map(({ address }) => Number(address.split(':')[1]));
  await mapper.start(ports.map((tcpPort, at) => mapped(device(at, tcpPort))));
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => void systemClock.setTimer('bench', ms, resolve));
  await wait(3_000);
  readings.length = 0;
  const before = process.cpuUsage();
  const startMs = systemClock.now();
  await wait(quick ? 3_000 : 30_000);
  const { user, system } = process.cpuUsage(before);
  const seconds = (systemClock.now() - startMs) / 1_000;
  await mapper.stop();
  for (const server of servers) await server.stop();
  const { skippedPolls = 0 } = mapper.status().counters;
  return [
    {
      title: `${FLEET.devices} devices of ${FLEET.properties} properties, each polled every second on its own connection`,
      rows: [
        {
          readingsPerSecond: readings.length / seconds,
          cpuPercent: (user + system) / 1e4 / seconds,
          p99LateMs: lateMs(readings),
          bad: readings.filter(({ quality }) => quality !== 'good').length,
          skippedPolls,
        },
      ],
      notes: [
        'The CPU includes modbus-serial’s server in this process. Late: how far the gap between two answers',
        'of a device is from its cycle, at worst in 99 of 100.',
      ],
    },
  ];
}

/** How far the gaps between two readings of a property are from its cycle, at worst in 99 of 100. */
function lateMs(readings: readonly Reading[]): number {
  const last = new Map<string, number>();
  const off: number[] = [];
  for (const { property, timestamp } of readings) {
    const before = last.get(property);
    if (before !== undefined) off.push(Math.abs(timestamp - before - FLEET.cycleMs));
    last.set(property, timestamp);
  }
  off.sort((a, b) => a - b);
  return off[Math.floor(off.length * 0.99)] ?? 0;
}

function device(at: number, tcpPort: number): Device {
  const configData = { transport: 'tcp', host: HOST, tcpPort, unitId: 1 };
  const all = complianceDevice({ protocolName: 'modbus', configData }, {});
  const [pattern] = all.properties;
  if (pattern === undefined) return all;
  const properties = Array.from({ length: FLEET.properties }, (_, nth) => ({
    ...pattern,
    name: `p${at}-${nth}`,
    maximum: 65_535,
    collectCycleMs: FLEET.cycleMs,
    reportCycleMs: FLEET.cycleMs,
    visitor: {
      protocolName: 'modbus',
      configData: { register: 'HoldingRegister', offset: nth, dataType: 'uint16' },
    },
  }));
  return { ...all, id: `default/device-${at}`, properties };
}
