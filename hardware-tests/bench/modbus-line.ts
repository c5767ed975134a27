import { sleep, systemClock } from '#protocol/clock.js';
import { silenceMs } from '#mappers/modbus/line-time.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { complianceDevice, mapped, recordingHost } from '#mappers/compliance.js';
import { FOREIGN_SLAVES } from '../mappers/foreign-slave.js';
import { hasSocat, SerialPair } from '../mappers/serial-pair.js';
import { bareTimer } from './modbus-floor.js';
import {
  FORMAT,
  measured,
  median,
  ours,
  oursWithoutSilence,
  theirLine,
  type Figures,
  type Master,
} from './modbus-masters.js';
import type { BenchResult } from './table.js';

const BAUD = 115_200;
const UNIT = 7;
/** Milliseconds between the end of a read and the next, for a line that is polled now and then. */
const PAUSE_MS = 10;
const POLL_MS = 10;

const PEER = 'modbus-serial, one after the other';
/** Theirs has no silence; a timer of its user's before each read is what it takes to keep one. */
const PEER_SILENT = 'modbus-serial, after a timer of 2 ms';
const SILENCE_MS = Math.ceil(silenceMs(BAUD));
const OURS_SILENT = 'ours, one after the other, t3.5 kept';
const FLOOR = `a bare timer of ${SILENCE_MS} ms, write and read`;
const PEER_PACED = `modbus-serial, each ${PAUSE_MS} ms`;
const NOTHING = `no read, each ${PAUSE_MS} ms`;

type Row = BenchResult['rows'][number];

/** CPU of a transaction on a line without pacing, in turns, the median of several. */
export async function onALine(quick: boolean): Promise<readonly BenchResult[]> {
  if (!hasSocat || FOREIGN_SLAVES['libmodbus']?.isThere !== true) return [];
  const pair = await SerialPair.open();
  const slave = await FOREIGN_SLAVES['libmodbus'].start({ port: pair.slave, baudRate: BAUD });
  const turns = quick ? 1 : 7;
  const reads = quick ? 200 : 1_000;
  try {
    return [
      {
        title: 'A serial line (pseudo-terminal, libmodbus as slave): reads of one register',
        rows: await inTurns(pair.master, turns, reads),
        notes: [
          'Waking up is what costs: "each 10 ms" is what polling is like, where both masters sleep between;',
          'the ratio is of what a read adds to waking up without one.',
          'modbus-serial never keeps the silence of 3.5 characters; ours does, but in "without the silence".',
          'ratio: like beside like, none with none, and t3.5 kept with a timer before each read of theirs; the budget',
          'is for it. vsNoSilence: beside theirs without any, where ours sleeps once more for each read: what the bare',
          'timer, write and read take of it no master in this runtime can save.',
        ],
      },
    ];
  } finally {
    await slave.stop();
    await pair.close();
  }
}

async function inTurns(port: string, turns: number, reads: number): Promise<Row[]> {
  const read = async (master: Master, pauseMs: number): Promise<Figures> => {
    const one = (nth: number): Promise<boolean> => master.read(UNIT, nth % 1000, 1);
    await measured(one, 2_000);
    const figures = await measured(one, pauseMs > 0 ? reads / 5 : reads, 1, pauseMs);
    await master.close();
    return figures;
  };
  const kinds: Readonly<Record<string, () => Promise<Figures>>> = {
    [NOTHING]: () => measured(() => Promise.resolve(true), reads / 5, 1, PAUSE_MS),
    [PEER]: async () => read(await theirLine(port, BAUD), 0),
    'ours, without the silence': () => read(oursWithoutSilence(port, BAUD), 0),
    [PEER_SILENT]: async () => read(afterASilence(await theirLine(port, BAUD)), 0),
    [OURS_SILENT]: () => read(ours({ transport: 'rtu', port, baudRate: BAUD, ...FORMAT }), 0),
    [FLOOR]: () => read(bareTimer(port, SILENCE_MS), 0),
    [PEER_PACED]: async () => read(await theirLine(port, BAUD), PAUSE_MS),
    [`ours, each ${PAUSE_MS} ms`]: () =>
      read(ours({ transport: 'rtu', port, baudRate: BAUD, ...FORMAT }), PAUSE_MS),
    [`the whole mapper, each ${POLL_MS} ms`]: () => wholeMapper(port, reads / 5),
  };
  const figures = new Map<string, Figures[]>(Object.keys(kinds).map((name) => [name, []]));
  for (let turn = 0; turn < turns; turn += 1)
    for (const [name, measure] of Object.entries(kinds)) figures.get(name)?.push(await measure());
  const middle = (name: string): Figures =>
    median(figures.get(name) ?? [], ({ cpuMicroseconds }) => cpuMicroseconds);
  const pauseCpu = middle(NOTHING).cpuMicroseconds;
  const cpuOf = (name: string): number =>
    middle(name).cpuMicroseconds - (isPaced(name) ? pauseCpu : 0);
  return Object.keys(kinds).map((master) => {
    const { perSecond, cpuMicroseconds, failed } = middle(master);
    const peer = peerOf(master);
    const row = { master, perSecond, cpuMicroseconds, failed };
    if (master === NOTHING) return row;
    const ratio = cpuOf(master) / cpuOf(peer);
    const whole = isPaced(master) ? { ratio } : { ratio, vsNoSilence: cpuOf(master) / cpuOf(PEER) };
    if (!master.startsWith('ours')) return { ...row, ...whole };
    return { ...row, ...whole, budget: '<= 0.5', met: ratio <= 0.5 ? 'yes' : 'NO' };
  });
}

function peerOf(master: string): string {
  if (master === OURS_SILENT || master === FLOOR) return PEER_SILENT;
  return isPaced(master) ? PEER_PACED : PEER;
}

function isPaced(master: string): boolean {
  return master.endsWith(`each ${PAUSE_MS} ms`);
}

/** Keeps the silence that a line needs, as a program over a library without one has to. */
function afterASilence(master: Master): Master {
  return {
    read: async (...where) => {
      await sleep(systemClock, 'silence', SILENCE_MS);
      return master.read(...where);
    },
    close: () => master.close(),
  };
}

/** Polls, decodes and reports one property: to a host that keeps the readings. */
async function wholeMapper(port: string, polls: number): Promise<Figures> {
  const { host, readings } = recordingHost(systemClock);
  const protocol = {
    protocolName: 'modbus',
    configData: { transport: 'rtu', port, baudRate: BAUD, unitId: UNIT },
  };
  const visitors = { level: { register: 'HoldingRegister', offset: 3, dataType: 'uint16' } };
  const all = complianceDevice(protocol, visitors);
  const [property] = all.properties;
  if (property === undefined) throw new TypeError('no property');
  const polled = {
    ...property,
    name: 'level',
    maximum: 65_535,
    collectCycleMs: POLL_MS,
    reportCycleMs: POLL_MS,
    visitor: { protocolName: 'modbus', configData: visitors.level },
  };
  const mapper = modbusModule.create(host);
  await mapper.start([mapped({ ...all, properties: [polled] })]);
  const heard = async (count: number): Promise<void> => {
    while (readings.length < count)
      await new Promise<void>((resolve) => {
        systemClock.setTimer('bench', 100, resolve);
      });
  };
  await heard(50);
  const from = readings.length;
  const before = process.cpuUsage();
  const startMs = systemClock.now();
  await heard(from + polls);
  const { user, system } = process.cpuUsage(before);
  const count = readings.length - from;
  const ms = systemClock.now() - startMs;
  await mapper.stop();
  const failed = readings.slice(from).filter(({ quality }) => quality !== 'good').length;
  const cpuMicroseconds = (user + system) / count;
  return { ms, medianMs: ms / count, perSecond: (count / ms) * 1000, cpuMicroseconds, failed };
}
