import type { BenchResult } from '../table.js';
import { medianOf, ms, quantile } from './figures.js';
import { ENDLESS, linkOf, type Contestant, type PartResult, type Plan } from './plan.js';
import type { Cell, Outcome } from './run.js';

const DIALLERS: readonly Contestant[] = [
  { name: 'coded', subject: 'coded' },
  { name: 'ws TLS', subject: 'websocket' },
];

/** Line 4: a first connection, TLS and the judgement of both ends included. */
export async function connects(plan: Plan): Promise<PartResult> {
  const goals = new Map([
    [0.1, 400],
    [0.2, 600],
  ]);
  const losses = [...goals.keys()];
  const outcomes = await plan.compete(
    DIALLERS,
    losses.map((loss) => ({
      link: linkOf(100, `loss=${loss}`),
      seconds: 120,
      load: () => ({ kind: 'connects', count: plan.size.quick ? 5 : 16 }),
    })),
    2,
  );
  const rows = losses.flatMap((loss, index) =>
    (outcomes[index] ?? []).map(([{ name }, runs]) => {
      const all = runs.flatMap(({ flows }) => flows[0]?.dial?.connectMs ?? [Infinity]);
      const p90 = quantile(all, 0.9);
      const goal = goals.get(loss) ?? Infinity;
      return {
        'loss %': loss * 100,
        with: name,
        dials: all.length,
        p50: ms(quantile(all, 0.5)),
        p90: ms(p90),
        max: ms(Math.max(...all)),
        missed: name === 'coded' && p90 > goal ? `p90 > ${goal}` : '',
      };
    }),
  );
  return {
    tables: [
      {
        title: 'Connecting cold, TLS included, RTT 100: ms',
        rows,
        notes: [`Over the dials of ${plan.size.seeds.length} seeds, one after the other.`],
      },
    ],
  };
}

const ROAM_RATE = 2_000_000;
/** Seconds from the start on; far enough from each other for a path to be itself again. */
const CHANGES = [3, 6, 9];
const AFTER_SECONDS = 3;

/** A change of address in the middle of a transfer: how long nothing arrives. */
export async function moves(plan: Plan): Promise<PartResult> {
  const trips = plan.size.quick ? [100] : [40, 100, 300];
  const cases = (['NAT', 'own'] as const).flatMap((change) =>
    [false, true].flatMap((down) => trips.map((trip) => ({ change, down, trip }))),
  );
  const cells = cases.map(({ change, down, trip }) => {
    const seconds = (CHANGES.at(-1) ?? 0) + AFTER_SECONDS;
    const cell: Omit<Cell, 'seed'> = {
      flows: [{ subject: 'coded', load: { kind: 'stream', bytes: ENDLESS, seconds, down } }],
      link: linkOf(trip, 'loss=0', 1, ROAM_RATE),
      seconds: seconds + 10,
    };
    return change === 'own'
      ? { ...cell, moves: CHANGES }
      : { ...cell, changes: CHANGES.map((at, index) => `${at}:both:nat=${1_000 * (index + 1)}`) };
  });
  const outcomes = await plan.run(cells, 6);
  const rows = cases.map(({ change, down, trip }, index) => {
    const gaps = (outcomes[index] ?? []).flatMap((run) => gapsOf(run, down));
    const cost = quantile(gaps, 0.5);
    return {
      change: change === 'NAT' ? 'another port (NAT)' : 'another address of its own',
      way: down ? 'down' : 'up',
      'RTT ms': trip,
      changes: gaps.length,
      'median ms': ms(cost),
      'most ms': ms(Math.max(...gaps)),
      missed: cost > trip + 200 ? `> ${trip + 200}` : '',
    };
  });
  return {
    tables: [
      {
        title: 'Change of address in the middle of a transfer, 2 Mbit/s: longest pause of arrivals',
        rows,
        notes: [
          `Three changes in each of ${plan.size.seeds.length} transfers. A TCP connection does not survive any.`,
        ],
      },
    ],
  };
}

/** The longest pause between arrivals after each change. */
function gapsOf({ flows, zeroAt }: Outcome, down: boolean): number[] {
  const flow = flows[0];
  const progress = (down ? flow?.dial : flow?.serve)?.progress ?? [];
  return CHANGES.map((change) => {
    const from = zeroAt + change * 1_000;
    const to = from + AFTER_SECONDS * 1_000;
    const times = progress.map(([at]) => at).filter((at) => at >= from - 500 && at < to);
    const pauses = [...times, to].map((at, index) => at - (times[index - 1] ?? from - 500));
    return Math.max(...pauses);
  });
}

const DEAD_FROM = 2;
const DEAD_SECONDS = 25;
/** One way: what left before the end arrives so long after it. */
const DELAY_SECONDS = 0.05;

/** The other end is gone without a word: when is it known? */
export async function dead(plan: Plan): Promise<PartResult> {
  const cases = DIALLERS.flatMap(({ name, subject }) =>
    [0, 500].map((everyMs) => ({ name, subject, everyMs })),
  );
  const cells = cases.map(({ subject, everyMs }) => ({
    flows: [
      { subject, impatient: true, load: { kind: 'idle', seconds: DEAD_SECONDS, everyMs } as const },
    ],
    link: linkOf(100, `loss=0.05,blackout=${DEAD_FROM}-${DEAD_FROM + 10 * DEAD_SECONDS}`),
    seconds: DEAD_SECONDS + 5,
    graceSeconds: 6,
  }));
  const outcomes = await plan.run(cells, 10);
  const rows: BenchResult['rows'][number][] = cases.flatMap(({ name, everyMs }, index) =>
    (['node', 'hub'] as const).map((end) => {
      const known = (outcomes[index] ?? []).map(({ flows, zeroAt }) => {
        const at = (end === 'node' ? flows[0]?.dial : flows[0]?.serve)?.closedAt;
        return at === undefined ? Infinity : (at - zeroAt) / 1_000 - DEAD_FROM - DELAY_SECONDS;
      });
      const most = Math.max(...known);
      return {
        with: name,
        load: everyMs === 0 ? 'idle' : 'a message each 0.5 s',
        end,
        'median s': medianOf(known, (seconds) => seconds),
        'most s': most,
        missed: name === 'coded' && most > 10 ? '> 10' : '',
      };
    }),
  );
  return {
    tables: [
      {
        title: 'All is lost from one moment on, RTT 100: seconds until the end is known',
        rows,
        notes: [
          `${plan.size.seeds.length} seeds. From the moment on when the last packet can have come.`,
        ],
      },
    ],
  };
}
