import { systemClock } from '#protocol/clock.js';
import { leastMs, type LineSeen, type PacedLine, type PacedLines } from '../mappers/paced-line.js';
import { FORMAT, measured, median, ours, type Master } from './modbus-masters.js';
import type { BenchResult } from './table.js';

const UNITS = 10;
const REGISTERS = 10;
const BAUD = 19_200;
const DEAD = 4;
const FOUND_MS = 10_000;
/** Until it is known as away and asked as seldom as it will ever be. */
const WARM_UP_MS = 10_000;
/** Three probes of a slave that is away come in it, one of which takes all its time. */
const RUN_MS = 20_000;

/** Rounds of one read of each slave, until those that are there have answered. */
class Rounds {
  readonly #master: Master;
  readonly #idle = new Set(Array.from({ length: UNITS }, (_, at) => at + 1));
  /** When the dead one answered first. */
  foundAtMs: number | undefined;

  constructor({ port }: PacedLine) {
    // Its time-out is that of a device whose settings say nothing.
    this.#master = ours({ transport: 'rtu', port, baudRate: BAUD, ...FORMAT }, 1_000);
  }

  /** The mean milliseconds of a round. */
  async run(rounds: number): Promise<number> {
    const { ms } = await measured(() => this.once(), rounds);
    return ms / rounds;
  }

  async once(): Promise<true> {
    const asked = [...this.#idle].map((unit) => ({ unit, ended: this.#ask(unit) }));
    await Promise.all(asked.filter(({ unit }) => unit !== DEAD).map(({ ended }) => ended));
    return true;
  }

  async #ask(unit: number): Promise<void> {
    this.#idle.delete(unit);
    const isRead = await this.#master.read(unit, 0, REGISTERS);
    if (unit === DEAD && isRead) this.foundAtMs ??= systemClock.now();
    this.#idle.add(unit);
  }

  close(): Promise<void> {
    return this.#master.close();
  }
}

interface Turn {
  readonly wholeMs: number;
  readonly deadMs: number;
  readonly foundMs: number;
  readonly early: number;
}

/** What one dead slave of ten costs the others, and how soon it is found again, in turns. */
export async function aDeadSlave(lines: PacedLines, quick: boolean): Promise<BenchResult> {
  const roundsIn = (ms: number): number =>
    Math.max(3, Math.round((quick ? ms / 20 : ms) / (UNITS * leastMs(BAUD, REGISTERS))));
  const turns: Turn[] = [];
  for (let turn = 0; turn < (quick ? 1 : 3); turn += 1)
    turns.push(await oneTurn(lines, roundsIn(WARM_UP_MS), roundsIn(RUN_MS)));
  const ratioOf = ({ wholeMs, deadMs }: Turn): number => deadMs / wholeMs;
  const middle = median(turns, ratioOf);
  const ratio = ratioOf(middle);
  const foundMs = Math.max(...turns.map((turn) => turn.foundMs));
  const early = turns.reduce((sum, turn) => sum + turn.early, 0);
  return {
    title: `${UNITS} slaves at ${BAUD} baud, ${REGISTERS} registers of each a round, without a pause`,
    rows: [
      { slaves: 'all there', roundMs: middle.wholeMs },
      {
        ...{ slaves: 'one dead', roundMs: middle.deadMs, value: ratio, early },
        // A quick run is shorter than the time between two probes: what it shows is luck.
        ...(quick ? {} : { budget: '<= 1.1', met: ratio <= 1.1 ? 'yes' : 'NO' }),
      },
      {
        ...{ slaves: 'back: ms until found, at most', value: foundMs },
        ...{ budget: `<= ${FOUND_MS}`, met: foundMs <= FOUND_MS ? 'yes' : 'NO' },
      },
    ],
    notes: [
      'The turn in the middle; each measures both, one after the other, and wakes the dead one.',
    ],
  };
}

async function oneTurn(lines: PacedLines, warmUp: number, rounds: number): Promise<Turn> {
  const whole = await onALine(lines, 0, async (on) => {
    await on.run(warmUp);
    return on.run(rounds);
  });
  let foundMs = Infinity;
  const dead = await onALine(lines, DEAD, async (on, line) => {
    await on.run(warmUp);
    const meanMs = await on.run(rounds);
    line.wake();
    const wokenAtMs = systemClock.now();
    while (on.foundAtMs === undefined && systemClock.now() - wokenAtMs < 3 * FOUND_MS)
      await on.once();
    foundMs = (on.foundAtMs ?? Infinity) - wokenAtMs;
    return meanMs;
  });
  const early = whole.seen.early + dead.seen.early;
  return { wholeMs: whole.meanMs, deadMs: dead.meanMs, foundMs, early };
}

async function onALine(
  lines: PacedLines,
  unit: number,
  use: (rounds: Rounds, line: PacedLine) => Promise<number>,
): Promise<{ meanMs: number; seen: LineSeen }> {
  const line = await lines.open(BAUD, UNITS, unit);
  const rounds = new Rounds(line);
  const meanMs = await use(rounds, line);
  await rounds.close();
  return { meanMs, seen: await line.end() };
}
