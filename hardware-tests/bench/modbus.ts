import ModbusRTU from 'modbus-serial';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import { busOf } from '#mappers/modbus/transport.js';
import { FOREIGN_SLAVES } from '../mappers/foreign-slave.js';
import { hasSocat, SerialPair } from '../mappers/serial-pair.js';
import { serveTcp } from '../simulators/modbus-meter.js';
import type { BenchOptions, BenchResult } from './table.js';

const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;
const TIMEOUT_MS = 2_000;
const UNIT = 7;

type Read = (offset: number) => Promise<boolean>;
interface Master {
  readonly read: Read;
  close(): Promise<void>;
}

/** CPU of a transaction on a serial line, reads per second on TCP, and what a long run leaves behind. */
export async function run({ quick }: BenchOptions): Promise<readonly BenchResult[]> {
  const reads = quick === true ? 300 : 3_000;
  const results: BenchResult[] = [];
  if (hasSocat && FOREIGN_SLAVES['libmodbus']?.isThere === true) results.push(await onALine(reads));
  results.push(await onTcp(reads * 4), await overTime(quick === true ? 20_000 : 1_000_000));
  return results;
}

async function onALine(reads: number): Promise<BenchResult> {
  const pair = await SerialPair.open();
  const place = { port: pair.slave, baudRate: LINE.baudRate };
  const slave = await FOREIGN_SLAVES['libmodbus']?.start(place);
  const rows: BenchResult['rows'][number][] = [];
  try {
    for (const [name, open] of [
      ['edgetwin', () => ours({ transport: 'rtu', port: pair.master, ...LINE })],
      ['modbus-serial', () => theirLine(pair.master)],
    ] as const) {
      const master = await open();
      await measured(master.read, 500, 1);
      const figures = await measured(master.read, reads, 1);
      rows.push({ master: name, ...figures });
      await master.close();
    }
  } finally {
    await slave?.stop();
    await pair.close();
  }
  return {
    title: 'A serial line (pseudo-terminal, libmodbus as slave): reads of one register',
    rows,
    notes: [
      'The line is not paced; ours waits for 1.75 ms of silence before each request, theirs does not.',
    ],
  };
}

async function onTcp(reads: number): Promise<BenchResult> {
  const registers = { read: (_: unknown, offset: number) => offset, write: () => 'ok' as const };
  const server = await serveTcp(registers, 0);
  const tcpPort = Number(server.address.split(':')[1]);
  const rows: BenchResult['rows'][number][] = [];
  for (const [name, open] of [
    ['edgetwin', () => ours({ transport: 'tcp', host: '127.0.0.1', tcpPort })],
    ['modbus-serial', () => theirTcp(tcpPort)],
  ] as const)
    for (const depth of [1, 16]) {
      const master = await open();
      await measured(master.read, 400, depth);
      rows.push({ master: name, depth, ...(await measured(master.read, reads, depth)) });
      await master.close();
    }
  await server.stop();
  return {
    title: 'TCP (modbus-serial’s server in this process, its CPU included): reads of one register',
    rows,
  };
}

/** The whole memory of the process, before and after many transactions. */
async function overTime(transactions: number): Promise<BenchResult> {
  const registers = { read: (_: unknown, offset: number) => offset, write: () => 'ok' as const };
  const server = await serveTcp(registers, 0);
  const tcpPort = Number(server.address.split(':')[1]);
  const master = ours({ transport: 'tcp', host: '127.0.0.1', tcpPort });
  const rows: BenchResult['rows'][number][] = [];
  const parts = 5;
  for (let part = 0; part <= parts; part += 1) {
    const count = part === 0 ? 5_000 : transactions / parts;
    await measured(master.read, count, 16);
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    rows.push({
      transactions: (part * transactions) / parts,
      rssMB: rss / 1e6,
      heapMB: heapUsed / 1e6,
    });
  }
  await master.close();
  await server.stop();
  return { title: 'Memory over many transactions', rows };
}

function ours(settings: BusSettings): Master {
  const { bus, open } = busOf(settings, systemClock);
  const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const runner = new BusRunner(bus, open, ports);
  return {
    read: async (offset) => {
      const request = { op: 'read', unit: UNIT, kind: 'holding', offset, count: 1 } as const;
      const outcome = await runner.request(request, { priority: 'poll', timeoutMs: TIMEOUT_MS });
      return outcome.kind === 'data';
    },
    close: () => runner.close(),
  };
}

async function theirLine(port: string): Promise<Master> {
  const client = new ModbusRTU.default();
  await client.connectRTUBuffered(port, { ...LINE });
  return theirs(client);
}

async function theirTcp(port: number): Promise<Master> {
  const client = new ModbusRTU.default();
  await client.connectTCP('127.0.0.1', { port });
  return theirs(client);
}

function theirs(client: InstanceType<typeof ModbusRTU.default>): Master {
  client.setID(UNIT);
  client.setTimeout(TIMEOUT_MS);
  return {
    read: async (offset) => (await client.readHoldingRegisters(offset, 1)).data.length === 1,
    close: () => new Promise((resolve) => client.close(() => resolve())),
  };
}

async function measured(
  read: Read,
  count: number,
  depth: number,
): Promise<{ perSecond: number; cpuMicroseconds: number; failed: number }> {
  let left = count;
  let failed = 0;
  const startMs = systemClock.now();
  const before = process.cpuUsage();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      if (!(await read(left % 1_000))) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: depth }, worker));
  const { user, system } = process.cpuUsage(before);
  const seconds = (systemClock.now() - startMs) / 1_000;
  return { perSecond: count / seconds, cpuMicroseconds: (user + system) / count, failed };
}
