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
const DEAD = 4;

type Row = BenchResult['rows'][number];
type Timed = Figures & { readonly ms: number };

/** How much of a line's time is used for registers that someone wants, and what a dead slave costs. */
export async function onPacedLines(quick: boolean): Promise<readonly BenchResult[]> {
  if (!hasLibmodbus()) return [];
  const lines = new PacedLines();
  const peer = compiled('libmodbus-master');
  const turns = quick ? 1 : 3;
  const runMs = quick ? 400 : 3_000;
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
          'limit: request, reply and 3.5 characters of silence before each; early: requests before the line was',
          'silent for as long, which a real line loses and this one holds back. Bytes come one at a time.',
        ],
      },
      await aDeadSlave(lines, runMs * 3),
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
  const library = (port: string, waitUs: number): Promise<Timed> =>
    libmodbus(program, ['rtu', port, baudRate, UNITS, count, reads, waitUs], reads);
  const kinds: Readonly<Record<string, (port: string) => Promise<Timed>>> = {
    edgetwin: (port) =>
      readAll(ours({ transport: 'rtu', port, baudRate, ...FORMAT }), count, reads),
    'modbus-serial': async (port) => readAll(await theirLine(port, baudRate), count, reads),
    libmodbus: (port) => library(port, 0),
    'libmodbus, told to wait': (port) => library(port, silenceUs),
  };
  const found = new Map<string, (Timed & LineSeen)[]>();
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
    const early = runs.reduce((sum, run) => sum + run.early, 0);
    const failed = runs.reduce((sum, run) => sum + run.failed, 0);
    const row = { baudRate, registers: count, master, percent, cpuMicroseconds, failed, early };
    if (master !== 'edgetwin') return row;
    const budget = BUDGETS.get(baudRate) ?? 0;
    const met = percent >= budget && early === 0 ? 'yes' : 'NO';
    return { ...row, budget: `>= ${budget}`, met };
  });
}

async function readAll(master: Master, count: number, reads: number): Promise<Timed> {
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

/** Rounds of one read of each slave, until those that are there have answered. */
async function aDeadSlave(lines: PacedLines, runMs: number): Promise<BenchResult> {
  const baudRate = 19_200;
  const roundOf = async (dead: number): Promise<{ ms: number; seen: LineSeen }> => {
    const line = await lines.open(baudRate, UNITS, dead);
    const master = ours({ transport: 'rtu', port: line.port, baudRate, ...FORMAT }, 1_000);
    const idle = new Set(Array.from({ length: UNITS }, (_, at) => at + 1));
    const ask = async (unit: number): Promise<void> => {
      idle.delete(unit);
      await master.read(unit, 0, 10);
      idle.add(unit);
    };
    const round = async (): Promise<boolean> => {
      const asked = [...idle].map((unit) => ({ unit, ended: ask(unit) }));
      await Promise.all(asked.filter(({ unit }) => unit !== DEAD).map(({ ended }) => ended));
      return true;
    };
    const rounds = Math.max(5, Math.round(runMs / (UNITS * leastMs(baudRate, 10))));
    // Long enough that a dead one is known as away and asked as seldom as it will ever be.
    await measured(round, Math.ceil(rounds / 2));
    const { ms } = await measured(round, rounds);
    await master.close();
    return { ms: ms / rounds, seen: await line.end() };
  };
  const whole = await roundOf(0);
  const oneDead = await roundOf(DEAD);
  const ratio = oneDead.ms / whole.ms;
  return {
    title: `${UNITS} slaves at ${baudRate} baud, ten registers of each a round, without a pause`,
    rows: [
      { slaves: 'all there', roundMs: whole.ms, early: whole.seen.early },
      {
        slaves: 'one dead',
        roundMs: oneDead.ms,
        early: oneDead.seen.early,
        ratio,
        budget: '<= 1.1',
        met: ratio <= 1.1 ? 'yes' : 'NO',
      },
    ],
  };
}
