import { compiled, hasLibmodbus } from '../mappers/compiled.js';
import { leastMs, PacedLines, type LineSeen } from '../mappers/paced-line.js';
import {
  FORMAT,
  libmodbus,
  measured,
  median,
  ours,
  theirLine,
  type Figures,
  type Master,
} from './modbus-masters.js';
import { besideALine } from './modbus-beside.js';
import { aDeadSlave } from './modbus-dead-slave.js';
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
  const kinds: Readonly<Record<string, (port: string) => Promise<Figures>>> = {
    edgetwin: (port) =>
      readAll(ours({ transport: 'rtu', port, baudRate, ...FORMAT }), count, reads),
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
    if (master !== 'edgetwin') return row;
    const budget = BUDGETS.get(baudRate) ?? 0;
    const peers = found.get(WAITING) ?? [];
    const vsPeer = median(peers, (run) => run.ms).ms / ms;
    const isLevel = Math.round(100 * vsPeer) >= 100;
    const isMet = percent >= budget && isLevel && early === 0 && failed === 0;
    return { ...row, vsPeer, budget: `>= ${budget}, 1`, met: isMet ? 'yes' : 'NO' };
  });
}

async function readAll(master: Master, count: number, reads: number): Promise<Figures> {
  // The first finds the port closed.
  await master.read(1, 0, 1);
  const figures = await measured((nth) => {
    const unit = 1 + (nth % UNITS);
    const offset = nth % 1000;
    return master.read(unit, offset, count, unit * 2000 + offset);
  }, reads);
  await master.close();
  return figures;
}
