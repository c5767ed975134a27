import { compiled, hasLibmodbus } from '../mappers/compiled.js';
import { leastMs, PacedLines, type LineSeen } from '../mappers/paced-line.js';
import {
  FORMAT,
  libmodbus,
  measured,
  median,
  ourDriver,
  ours,
  theirLine,
  type Figures,
  type Master,
} from './modbus-masters.js';
import { besideALine } from './modbus-beside.js';
import { aDeadSlave } from './modbus-dead-slave.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import type { BenchResult } from './table.js';

const UNITS = 10;
/** Share of the wire-time limit that is asked for, by baud rate. */
const BUDGETS = new Map([
  [9_600, 95],
  [19_200, 95],
  [115_200, 85],
]);
/** Registers of one read. */
const COUNTS = [1, 10, 125];
const WAITING = 'libmodbus, told to wait';
/** The mapper with devices that have five values of two registers each. */
const OUR_MAPPER = 'edgetwin, five values';
const REGISTERS_OF_VALUES = 10;

type Row = BenchResult['rows'][number];

/** How much of a line's time is used for registers that someone wants, and what a dead slave costs. */
export async function onPacedLines(quick: boolean): Promise<readonly BenchResult[]> {
  if (!hasLibmodbus()) return [];
  const lines = new PacedLines();
  const peer = compiled('libmodbus-master');
  const turns = quick ? 1 : 5;
  const runMs = quick ? 400 : 1_500;
  try {
    const rows: Row[] = [];
    for (const baudRate of BUDGETS.keys())
      for (const count of COUNTS)
        rows.push(...(await compared(lines, peer.program, { baudRate, count, turns, runMs })));
    return [
      {
        title: `A line at the speed of a UART, ${UNITS} slaves: share of the wire-time limit`,
        rows,
        notes: [
          'edgetwin, five values: the mapper reads devices of its configuration, five float32 in ten registers.',
          'limit: request, reply and 3.5 characters of silence before each; percent: of all reads of the turn in',
          'the middle; atMedian: of the read in the middle of all, which other work on the machine does not touch;',
          'early: requests before the line was silent for 3.5 characters, which a real line loses and this one holds',
          'back, so that a master that never waits is not charged for it; vsPeer: beside libmodbus told to wait.',
        ],
      },
      await aDeadSlave(lines, quick),
      await besideALine(lines, quick),
    ];
  } finally {
    lines.remove();
    peer.remove();
  }
}

async function compared(
  lines: PacedLines,
  program: string,
  { baudRate, count, turns, runMs }: Record<'baudRate' | 'count' | 'turns' | 'runMs', number>,
): Promise<Row[]> {
  const least = leastMs(baudRate, count);
  const reads = Math.max(4, Math.round(runMs / least));
  const silenceUs = Math.ceil((baudRate > 19_200 ? 1.75 : 38.5e3 / baudRate) * 1_000);
  const library = (port: string, waitUs: number): Promise<Figures> =>
    libmodbus(program, ['rtu', port, baudRate, UNITS, count, reads, waitUs], reads);
  const settings = (port: string): BusSettings => ({ transport: 'rtu', port, baudRate, ...FORMAT });
  const kinds: Readonly<Record<string, (port: string) => Promise<Figures>>> = {
    edgetwin: (port) => readAll(ours(settings(port)), count, reads),
    ...(count === REGISTERS_OF_VALUES && {
      [OUR_MAPPER]: (port: string) =>
        readAll(ourDriver(settings(port), UNITS, count / 2), count, reads, firstFloat),
    }),
    'modbus-serial': async (port) => readAll(await theirLine(port, baudRate), count, reads),
    libmodbus: (port) => library(port, 0),
    [WAITING]: (port) => library(port, silenceUs),
  };
  const found = new Map<string, (Figures & LineSeen)[]>();
  for (let turn = 0; turn < turns; turn += 1)
    for (const [name, run] of Object.entries(kinds)) {
      const line = await lines.open(baudRate, UNITS);
      const figures = await run(line.port);
      found.set(name, [...(found.get(name) ?? []), { ...figures, ...(await line.end()) }]);
    }
  return Object.keys(kinds).map((master) => {
    const runs = found.get(master) ?? [];
    const { ms, cpuMicroseconds } = median(runs, (run) => run.ms);
    const percent = (100 * least * reads) / ms;
    const atMedian = (100 * least) / median(runs, (run) => run.medianMs).medianMs;
    const early = runs.reduce((sum, run) => sum + run.early, 0);
    const failed = runs.reduce((sum, run) => sum + run.failed, 0);
    const row = {
      ...{ baudRate, registers: count, master, percent, atMedian, cpuMicroseconds, failed, early },
    };
    if (master !== 'edgetwin' && master !== OUR_MAPPER) return row;
    const budget = BUDGETS.get(baudRate) ?? 0;
    const peers = found.get(WAITING) ?? [];
    const vsPeer = median(peers, (run) => run.ms).ms / ms;
    const isLevel = Math.round(100 * vsPeer) >= 100;
    const isMet = percent >= budget && isLevel && early === 0 && failed === 0;
    return { ...row, vsPeer, budget: `>= ${budget}, 1`, met: isMet ? 'yes' : 'NO' };
  });
}

/** `first`: what the first value of a read is when its register holds a number. */
async function readAll(
  master: Master,
  count: number,
  reads: number,
  first?: (unit: number) => number,
): Promise<Figures> {
  // The first finds the port closed.
  await master.read(1, 0, 1);
  const figures = await measured((nth) => {
    const unit = 1 + (nth % UNITS);
    const offset = nth % 1000;
    return master.read(unit, offset, count, first?.(unit) ?? unit * 2000 + offset);
  }, reads);
  await master.close();
  return figures;
}

/** A device's registers 0 and 1 as one float32, the first word first. */
function firstFloat(unit: number): number {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint16(0, unit * 2000);
  bytes.setUint16(2, unit * 2000 + 1);
  return bytes.getFloat32(0);
}
