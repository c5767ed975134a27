import { Workbench } from '#tunnel/coded/codec/workbench.js';
import {
  alone,
  beside,
  blackout,
  pair,
  transfer,
  type ContestCell,
} from '../tunnel/contest-cells.js';
import { runContest } from '../tunnel/contest.js';
import type { BenchResult } from './table.js';

const SEEDS = [1, 2, 3, 4, 5];
const LOSSES = [0, 0.01, 0.05, 0.1, 0.2, 0.3];

/** Congestion control of the coded tunnel over a simulated bottleneck: medians of five seeds. */
export async function run(): Promise<readonly BenchResult[]> {
  const bench = new Workbench();
  const table = (title: string, cells: readonly ContestCell[]): BenchResult => ({
    title: `${title} (10 Mbit/s)`,
    rows: cells.map((cell) => row(cell, bench)),
  });
  const trips = [40, 100, 300];
  const tcp = (kind: 'cubic' | 'bbr', loss: number): ContestCell[] =>
    [40, 100].flatMap((roundTripMs) =>
      [0.25, 1, 3].flatMap((delays) =>
        [false, true].map((ownFirst) => beside(kind, roundTripMs, delays, ownFirst, loss)),
      ),
    );
  return [
    table(
      'Alone: payload of rate x (1 - loss)',
      trips.flatMap((trip) => LOSSES.map((loss) => alone(trip, loss))),
    ),
    table(
      'Own flows',
      trips.flatMap((trip) => [0, 10_000].map((laterMs) => pair(trip, laterMs))),
    ),
    table('Beside cubic: own share', tcp('cubic', 0)),
    table('Beside BBR version 1: own share', [...tcp('bbr', 0), ...tcp('bbr', 0.01)]),
    harm(bench),
    table('Blackouts and transfers', [...trips.map(blackout), ...[0, 0.05, 0.1].map(transfer)]),
  ];
}

function row({ name, contest, judge, goal, ...most }: ContestCell, bench: Workbench): Row {
  const runs = SEEDS.map((seed) => runContest({ ...contest, seed }, bench));
  const values = runs.map(judge);
  const value = median(values);
  const queue = median(runs.map((run) => run.queue.p95));
  const sent = median(runs.map(({ flows }) => flows[0]?.overhead ?? 0));
  const missed = [
    ...(value < goal[0] || value > goal[1] ? [`not ${goal.join(' to ')}`] : []),
    ...(queue > (most.queueP95Max ?? Infinity) ? ['queue'] : []),
    ...(sent > (most.overheadMax ?? Infinity) ? ['sent'] : []),
  ];
  return {
    cell: name,
    median: value,
    least: Math.min(...values),
    most: Math.max(...values),
    'queue p95 ms': queue,
    sent,
    missed: missed.join(', '),
  };
}

/** Cubic cannot use a lossy link; what it had there alone, or half the link, it should keep. */
function harm(bench: Workbench): BenchResult {
  const rows = [40, 100].flatMap((roundTripMs) =>
    [0.25, 1, 3].map((delays) => {
      const { contest } = beside('cubic', roundTripMs, delays, false, 0.01);
      const shareOf = (flows: typeof contest.flows): number =>
        median(
          SEEDS.map(
            (seed) => runContest({ ...contest, flows, seed }, bench).flows.at(-1)?.share ?? 0,
          ),
        );
      const without = shareOf([{ kind: 'cubic' }]);
      const kept = shareOf(contest.flows) / Math.min(0.5, without);
      return {
        cell: `cubic, RTT ${roundTripMs}, queue ${delays} BDP, 1 % loss`,
        alone: without,
        kept,
        missed: kept < 0.7 ? 'below 0.7' : '',
      };
    }),
  );
  return { title: 'Cubic on a lossy link: what it keeps of min(half, its share alone)', rows };
}

type Row = BenchResult['rows'][number];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
