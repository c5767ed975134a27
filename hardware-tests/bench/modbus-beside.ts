import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#protocol/clock.js';
import { leastMs, type PacedLines } from '../mappers/paced-line.js';
import { FORMAT, median, ours, oursWithoutNaps, type Master } from './modbus-masters.js';
import type { BenchResult } from './table.js';

const PROCESS = fileURLToPath(new URL('modbus-echo-process.js', import.meta.url));
const UNITS = 10;
const BAUD = 115_200;

interface Turn {
  readonly percent: number;
  readonly eachMs: readonly number[];
}

/** What others wait for beside a line without a pause, with and without the naps that fill it. */
export async function besideALine(lines: PacedLines, quick: boolean): Promise<BenchResult> {
  const kinds = { 'timers alone': oursWithoutNaps, 'timers and naps': ours };
  const echoes = quick ? 200 : 2_000;
  const found = new Map<string, Turn[]>(Object.keys(kinds).map((name) => [name, []]));
  for (let turn = 0; turn < (quick ? 1 : 5); turn += 1)
    for (const [name, master] of Object.entries(kinds)) {
      const line = await lines.open(BAUD, UNITS);
      const settings = { transport: 'rtu', port: line.port, baudRate: BAUD, ...FORMAT } as const;
      found.get(name)?.push(await oneTurn(master(settings), echoes));
      await line.end();
    }
  return {
    title: `An echo over TCP from a process that reads a register of a line at ${BAUD} baud after the other`,
    rows: Object.keys(kinds).map((silences) => {
      const turns = found.get(silences) ?? [];
      const of = (figure: (turn: Turn) => number): number => figure(median(turns, figure));
      return {
        silences,
        percent: of(({ percent }) => percent),
        meanMs: of(({ eachMs }) => eachMs.reduce((sum, ms) => sum + ms, 0) / eachMs.length),
        ...Object.fromEntries(
          [50, 90, 99].map((share) => [`p${share}Ms`, of(({ eachMs }) => quantile(eachMs, share))]),
        ),
      };
    }),
    notes: ['percent: of the wire-time limit meanwhile; the turn in the middle of each figure.'],
  };
}

async function oneTurn(master: Master, echoes: number): Promise<Turn> {
  // The first finds the port closed.
  await master.read(1, 0, 1);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const child = fork(PROCESS, [String(port), String(echoes)]);
  let eachMs: readonly number[] | undefined;
  child.once('message', (told) => (eachMs = told as readonly number[]));
  const startMs = systemClock.now();
  let reads = 0;
  for (; child.exitCode === null; reads += 1)
    await master.read(1 + (reads % UNITS), reads % 1000, 1);
  const percent = (100 * reads * leastMs(BAUD, 1)) / (systemClock.now() - startMs);
  await master.close();
  server.close();
  if (eachMs === undefined) throw new TypeError('it ended without an answer');
  return { percent, eachMs };
}

function quantile(of: readonly number[], percent: number): number {
  const sorted = of.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * (percent / 100))] ?? NaN;
}
