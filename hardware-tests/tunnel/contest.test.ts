import test from 'ava';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import {
  alone,
  beside,
  blackout,
  pair,
  slow,
  transfer,
  type ContestCell,
} from './contest-cells.js';
import { runContest } from './contest.js';

const bench = new Workbench();
const CELLS = [
  ...[40, 100, 300].flatMap((roundTripMs) =>
    [0, 0.3].map((loss) => shortly(alone(roundTripMs, loss))),
  ),
  ...[40, 100, 300].map(blackout),
  ...[40, 100].map((roundTripMs) => pair(roundTripMs, 10_000)),
  slow(40),
  beside('cubic', 40, 1, false),
  beside('cubic', 100, 1, true),
  beside('bbr', 40, 1, false),
  transfer(0.05),
];

// Simulated time and fixed seeds: the figures are the same on every machine.
for (const { name, contest, judge, goal, queueP95Max = Infinity, overheadMax = Infinity } of CELLS)
  test(name, (t) => {
    const figures = runContest({ ...contest, seed: 1 }, bench);
    const value = judge(figures);
    t.log(`${value.toFixed(3)}, queue p95 ${figures.queue.p95.toFixed(0)} ms`);
    t.true(value >= goal[0] && value <= goal[1], `${value}`);
    t.true(figures.queue.p95 <= queueP95Max, `queue ${figures.queue.p95}`);
    for (const { overhead } of figures.flows) t.true(overhead <= overheadMax, `sent ${overhead}`);
  });

/** `npm run bench -- tunnel-fairness` has all the cells at their full length. */
function shortly(cell: ContestCell): ContestCell {
  return { ...cell, contest: { ...cell.contest, seconds: 16 } };
}
