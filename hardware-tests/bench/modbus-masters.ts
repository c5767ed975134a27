import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ModbusRTU from 'modbus-serial';
import { sleep, systemClock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { complianceDevice } from '#mappers/compliance.js';
import type { OpenLink } from '#mappers/link.js';
import { Bus } from '#mappers/modbus/bus.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import { readSettings } from '#mappers/modbus/config.js';
import { ModbusDriver } from '#mappers/modbus/driver.js';
import { Naps } from '#mappers/modbus/naps.js';
import { RtuFraming } from '#mappers/modbus/rtu-framing.js';
import { busOf } from '#mappers/modbus/transport.js';
import { serialLink } from '#mappers/serial-port.js';

export const FORMAT = { dataBits: 8, stopBits: 1, parity: 'none' } as const;
const TIMEOUT_MS = 2_000;

/** Reads `count` holding registers; false when it did not, or when the first is not `expected`. */
export type Read = (
  unit: number,
  offset: number,
  count: number,
  expected?: number,
) => Promise<boolean>;

export interface Master {
  readonly read: Read;
  close(): Promise<void>;
}

export interface Figures {
  /** Milliseconds of all reads, and of the one in the middle. */
  readonly ms: number;
  readonly medianMs: number;
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
  readonly failed: number;
}

export function ours(settings: BusSettings, timeoutMs = TIMEOUT_MS): Master {
  const { bus, open } = busOf(settings, systemClock);
  return overBus(bus, open, timeoutMs, new Naps(systemClock));
}

/** Silences that end at whole milliseconds, as timers do. */
export function oursWithoutNaps(settings: BusSettings): Master {
  const { bus, open } = busOf(settings, systemClock);
  return overBus(bus, open, TIMEOUT_MS);
}

/** Without the silence that a line needs: what reading and writing alone cost. */
export function oursWithoutSilence(port: string, baudRate: number, timeoutMs = TIMEOUT_MS): Master {
  const bus = new Bus(new RtuFraming(Number.MAX_SAFE_INTEGER, 0));
  return overBus(bus, serialLink({ port, baudRate, ...FORMAT }, systemClock), timeoutMs);
}

function overBus(bus: Bus, open: OpenLink, timeoutMs: number, naps?: Naps): Master {
  const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const runner = new BusRunner(bus, open, naps === undefined ? ports : { ...ports, naps });
  return {
    read: async (unit, offset, count, expected) => {
      const request = { op: 'read', unit, kind: 'holding', offset, count } as const;
      const outcome = await runner.request(request, { priority: 'poll', timeoutMs });
      if (outcome.kind !== 'data' || outcome.words.length !== count) return false;
      return expected === undefined || outcome.words[0] === expected;
    },
    close: () => runner.close(),
  };
}

/**
 * The mapper's own reading of devices that have so many float32 values in a row: what it plans, asks
 * and decodes. A read is one of all of them, at the unit; its first value is checked.
 */
export function ourDriver(settings: BusSettings, units: number, values: number): Master {
  const { bus, open } = busOf(settings, systemClock);
  const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const runner = new BusRunner(bus, open, { ...ports, naps: new Naps(systemClock) });
  const devices = Array.from({ length: units }, (_, at) => {
    const device = floatDevice({ ...settings, unitId: at + 1 }, values);
    const { settings: read } = readSettings(device);
    if (read === undefined) throw new TypeError('the device is not described soundly');
    return { driver: new ModbusDriver(read, runner, systemClock), device };
  });
  return {
    read: async (unit, _offset, _count, first) => {
      const one = devices[unit - 1];
      const results = (await one?.driver.read(one.device.properties, false)) ?? [];
      if (results.length !== values) return false;
      const isGood = results.every(({ quality }) => quality === 'good');
      return isGood && (first === undefined || Math.fround(Number(results[0]?.value)) === first);
    },
    close: () => runner.close(),
  };
}

function floatDevice(configData: Readonly<Record<string, unknown>>, values: number): Device {
  const all = complianceDevice({ protocolName: 'modbus', configData }, {});
  const properties = Array.from({ length: values }, (_, nth): Property => {
    const visitor = { register: 'HoldingRegister', offset: 2 * nth, dataType: 'float32' };
    return {
      ...{ name: `value-${nth}`, type: 'float', access: 'ReadOnly', reportToCloud: true },
      ...{ collectCycleMs: 1_000, reportCycleMs: 1_000 },
      visitor: { protocolName: 'modbus', configData: visitor },
    };
  });
  return { ...all, properties };
}

export async function theirLine(port: string, baudRate: number): Promise<Master> {
  const client = new ModbusRTU.default();
  await client.connectRTUBuffered(port, { baudRate, ...FORMAT });
  return theirs(client);
}

export async function theirTcp(port: number): Promise<Master> {
  const client = new ModbusRTU.default();
  await client.connectTCP('127.0.0.1', { port });
  return theirs(client);
}

function theirs(client: InstanceType<typeof ModbusRTU.default>): Master {
  client.setTimeout(TIMEOUT_MS);
  return {
    read: async (unit, offset, count, expected) => {
      client.setID(unit);
      const { data } = await client.readHoldingRegisters(offset, count);
      return data.length === count && (expected === undefined || data[0] === expected);
    },
    close: () => new Promise((resolve) => client.close(() => resolve())),
  };
}

/** A master of libmodbus (libmodbus-master.c) in a process of its own. */
export async function libmodbus(
  program: string,
  words: readonly (string | number)[],
  reads: number,
): Promise<Figures> {
  const child = spawn(program, words.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes) => (text += String(bytes)));
  await once(child, 'close');
  const told = JSON.parse(text) as Omit<Figures, 'perSecond'>;
  const { ms, medianMs, failed } = told;
  const cpuMicroseconds = told.cpuMicroseconds / reads;
  return { ms, medianMs, perSecond: (reads / ms) * 1000, cpuMicroseconds, failed };
}

/** Reads of which each is timed: more would only fill the memory that is measured. */
const TIMED_MAX = 20_000;

/** `reads` calls, so many at once, each followed by a pause when there is one. */
export async function measured(
  read: (nth: number) => Promise<boolean>,
  reads: number,
  depth = 1,
  pauseMs = 0,
): Promise<Figures> {
  let left = reads;
  const eachMs: number[] = [];
  let failed = 0;
  const startMs = systemClock.now();
  const before = process.cpuUsage();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const beganMs = systemClock.now();
      if (!(await read(left))) failed += 1;
      if (eachMs.length < TIMED_MAX) eachMs.push(systemClock.now() - beganMs);
      if (pauseMs > 0) await sleep(systemClock, 'bench', pauseMs);
    }
  };
  await Promise.all(Array.from({ length: depth }, worker));
  const { user, system } = process.cpuUsage(before);
  const ms = systemClock.now() - startMs;
  const medianMs = median(eachMs, (one) => one);
  const cpuMicroseconds = (user + system) / reads;
  return { ms, medianMs, perSecond: (reads / ms) * 1000, cpuMicroseconds, failed };
}

/** The one in the middle: this machine may be disturbed. */
export function median<T>(of: readonly T[], by: (item: T) => number): T {
  const sorted = of.toSorted((a, b) => by(a) - by(b));
  const middle = sorted[sorted.length >> 1];
  if (middle === undefined) throw new TypeError('nothing was measured');
  return middle;
}
