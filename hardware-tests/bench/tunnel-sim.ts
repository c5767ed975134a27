import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { runBulk } from '../tunnel/bulk-run.js';
import { MESSAGE_CELLS, type MessageCell } from '../tunnel/message-cells.js';
import { runMessages, type MessageFigures } from '../tunnel/message-run.js';
import type { BenchResult } from './table.js';

const SEEDS = [21, 22, 23, 24, 25];
const MESSAGES = 10_000;

/** The message path and the tail of bulk in simulation: medians of five seeds. */
export async function run(): Promise<readonly BenchResult[]> {
  const bench = new Workbench();
  return [
    {
      title: `Messages of 200 bytes, 20 a second, RTT 100 unless said: ms one way, IP bytes`,
      rows: MESSAGE_CELLS.map((cell) => messageRow(cell, bench)),
      notes: ['Simulated time: no event loop, no sockets. Real ones add some 8 ms at the p99.'],
    },
    {
      title: '2 MB of bulk at 10 Mbit/s with perfect pacing: seconds, and times the ideal',
      rows: [40, 100, 300].flatMap((roundTripMs) =>
        [0, 0.05, 0.1, 0.2, 0.3].map((loss) => bulkRow(roundTripMs, loss, bench)),
      ),
    },
  ];
}

function messageRow({ name, load, atMost }: MessageCell, bench: Workbench): Row {
  const messages = load.gate === undefined ? MESSAGES : MESSAGES / 4;
  const runs = SEEDS.map((seed) => runMessages({ ...load, seed, messages }, bench));
  const figure = (key: keyof MessageFigures): number => median(runs.map((run) => run[key]));
  const missed = (Object.keys(atMost) as (keyof typeof atMost)[])
    .filter((key) => figure(key) > (atMost[key] ?? Infinity))
    .map((key) => `${key} > ${atMost[key]}`);
  return {
    cell: name,
    p50: Math.round(figure('p50')),
    p99: Math.round(figure('p99')),
    'p99.9': Math.round(figure('p999')),
    max: Math.round(figure('max')),
    bytes: Math.round(figure('bytesPerMessage')),
    sent: figure('overhead'),
    missed: missed.join(', '),
  };
}

function bulkRow(roundTripMs: number, loss: number, bench: Workbench): Row {
  const load = { bytes: 2_040_000, roundTripMs, rate: 1_250, link: { loss } };
  const at = (tail: boolean): { seconds: number; times: number; sent: number } => {
    const runs = SEEDS.slice(0, 3).map((seed) => runBulk({ ...load, seed, tail }, bench));
    return {
      seconds: median(runs.map(({ seconds }) => seconds)),
      times: median(runs.map(({ timesIdeal }) => timesIdeal)),
      sent: median(runs.map(({ overhead }) => overhead)),
    };
  };
  const [plain, coded] = [at(false), at(true)];
  return {
    RTT: roundTripMs,
    'loss %': loss * 100,
    'coded s': coded.seconds,
    'coded x': coded.times,
    'coded sent': coded.sent,
    'plain s': plain.seconds,
    'plain x': plain.times,
    'plain sent': plain.sent,
  };
}

type Row = BenchResult['rows'][number];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
