import { offered, type Congestion } from '../../linkem/emulated-link.js';
import type { BenchResult } from '../table.js';
import { bytesBetween, medianOf, quantile } from './figures.js';
import { ENDLESS, linkOf, RATE, type PartResult, type Plan } from './plan.js';
import type { Plot } from './plot.js';
import type { Cell, Flow, Outcome } from './run.js';

type Row = BenchResult['rows'][number];
type Kind = 'coded' | Congestion;

const LEAD_SECONDS = 3;
/** Seconds after the second flow's start that do not count. */
const SETTLE_SECONDS = 4;
const COUNTED_SECONDS = 16;
const QUICK_SECONDS = 4;
const GOAL = [0.25, 0.75] as const;
const AT_ONCE = 4;

/** Two flows through one queue, the first LEAD_SECONDS before the other. */
interface Contest {
  readonly kinds: readonly [Kind, ...Kind[]];
  readonly trip: number;
  readonly queue: number;
  readonly loss: number;
  readonly leadSeconds?: number;
}

function cellOf(contest: Contest, quick: boolean): Omit<Cell, 'seed'> {
  const { kinds, trip, queue, loss, leadSeconds = LEAD_SECONDS } = contest;
  const counted = quick ? QUICK_SECONDS : COUNTED_SECONDS;
  const until = leadSeconds + SETTLE_SECONDS + counted;
  const flows = kinds.map((kind, index): Flow => {
    const startSeconds = index * leadSeconds;
    const load = { kind: 'stream', bytes: ENDLESS, seconds: until - startSeconds } as const;
    return kind === 'coded'
      ? { subject: 'coded', load, startSeconds }
      : { subject: 'tcp', congestion: kind, load, startSeconds };
  });
  return {
    flows,
    link: linkOf(trip, `loss=${loss}`, queue),
    seconds: until + 10,
    settleSeconds: leadSeconds + SETTLE_SECONDS,
  };
}

/** Mbit/s of each flow while it counts. */
function ratesOf(
  { flows, zeroAt }: Outcome,
  { leadSeconds = LEAD_SECONDS }: Contest,
  quick: boolean,
): number[] {
  const from = zeroAt + (leadSeconds + SETTLE_SECONDS) * 1_000;
  const to = from + (quick ? QUICK_SECONDS : COUNTED_SECONDS) * 1_000;
  return flows.map(
    ({ serve }) => (bytesBetween(serve.progress, from, to) * 8) / (to - from) / 1_000,
  );
}

async function contests(
  plan: Plan,
  all: readonly Contest[],
): Promise<readonly (readonly { readonly rates: readonly number[]; readonly queue: number }[])[]> {
  const { quick } = plan.size;
  const cells = all.map((contest) => cellOf(contest, quick));
  const outcomes = await plan.run(cells, AT_ONCE);
  return all.map((contest, index) =>
    (outcomes[index] ?? []).map((run) => ({
      rates: ratesOf(run, contest, quick),
      queue: run.counts.up.queueMsP95,
    })),
  );
}

function rowOf(contest: Contest, runs: Awaited<ReturnType<typeof contests>>[number]): Row {
  const shares = runs.map(({ rates: [first = 0, second = 0] }) => first / (first + second));
  const own = contest.kinds[0] === 'coded' ? shares : shares.map((share) => 1 - share);
  const names = contest.kinds.map((kind) => (kind === 'coded' ? 'tunnel' : kind));
  return {
    first: names[0] ?? '',
    then: names[1] ?? '',
    'RTT ms': contest.trip,
    'queue BDP': contest.queue,
    'loss %': contest.loss * 100,
    share: quantile(own, 0.5),
    least: Math.min(...own),
    most: Math.max(...own),
    'sum Mbit/s': medianOf(runs, ({ rates: [first = 0, second = 0] }) => first + second),
    'queue p95 ms': medianOf(runs, ({ queue }) => queue),
  };
}

function judged(row: Row, [least, most]: readonly [number, number]): Row {
  const share = Number(row['share']);
  return { ...row, missed: share < least || share > most ? `not ${least} to ${most}` : '' };
}

const orders = (rival: Congestion): readonly Contest['kinds'][] => [
  [rival, 'coded'],
  ['coded', rival],
];

/** Line 3: beside kernel TCP without loss, both orders, and beside itself. */
export async function fairness(plan: Plan): Promise<PartResult> {
  const kernel = (['cubic', 'bbr'] as const).filter((kind) => offered().has(kind));
  const trips = plan.size.quick ? [100] : [40, 100];
  const beside = kernel.flatMap((rival) =>
    trips.flatMap((trip) =>
      [1, 3].flatMap((queue) => orders(rival).map((kinds) => ({ kinds, trip, queue, loss: 0 }))),
    ),
  );
  const pairs = trips.flatMap((trip) =>
    [0, 5].map((leadSeconds): Contest => {
      return { kinds: ['coded', 'coded'], trip, queue: 1, loss: 0, leadSeconds };
    }),
  );
  const runs = await contests(plan, [...beside, ...pairs]);
  const notes = [
    `Medians of ${plan.size.seeds.length} seeds, least and most of them; 10 Mbit/s, the second flow ${LEAD_SECONDS} s after the first, ${SETTLE_SECONDS} s later counted for ${plan.size.quick ? QUICK_SECONDS : COUNTED_SECONDS} s.`,
    ...(kernel.length < 2 ? [`The kernel offers ${kernel.join(', ')} only.`] : []),
  ];
  return {
    tables: [
      {
        title: 'Fairness: share of the tunnel beside one kernel TCP flow in one queue',
        rows: beside.map((contest, index) => judged(rowOf(contest, runs[index] ?? []), GOAL)),
        notes,
      },
      {
        title: 'Fairness: share of the first of two flows of the tunnel',
        rows: pairs.map((contest, index) => ({
          'apart s': contest.leadSeconds ?? 0,
          ...judged(rowOf(contest, runs[beside.length + index] ?? []), [0.4, 0.6]),
        })),
      },
    ],
    plots: { 'tunnel-fairness.svg': plotOf(beside, runs) },
  };
}

function plotOf(beside: readonly Contest[], runs: Awaited<ReturnType<typeof contests>>): Plot {
  const lines = new Map<string, number[]>();
  const links = new Set<string>();
  for (const [index, contest] of beside.entries()) {
    const [first, then] = contest.kinds;
    const name = first === 'coded' ? `before ${then ?? ''}` : `after ${first}`;
    links.add(`${contest.trip} ms, ${contest.queue} BDP`);
    lines.set(name, [
      ...(lines.get(name) ?? []),
      Number(rowOf(contest, runs[index] ?? [])['share']),
    ]);
  }
  return {
    title: 'Share of the tunnel beside one kernel TCP flow (goal: 0.25 to 0.75)',
    x: { label: 'round trip, queue', values: [...links] },
    y: { label: 'share', min: 0, max: 1 },
    lines: [...lines].map(([name, values]) => ({ name, values })),
  };
}

/** Line 3: where the link loses by itself, and where its queue is shallow. */
export async function harm(plan: Plan): Promise<PartResult> {
  const kernel = (['cubic', 'bbr'] as const).filter((kind) => offered().has(kind));
  const trips = plan.size.quick ? [100] : [40, 100];
  const both = trips.flatMap((trip) => [1, 3].map((queue) => ({ trip, queue })));
  const lossy = kernel.includes('bbr')
    ? both.flatMap((at) => orders('bbr').map((kinds): Contest => ({ kinds, ...at, loss: 0.01 })))
    : [];
  const alone = both.map((at): Contest => ({ kinds: ['cubic'], ...at, loss: 0.01 }));
  const kept = both.map((at): Contest => ({ kinds: ['cubic', 'coded'], ...at, loss: 0.01 }));
  const pairs: readonly Contest['kinds'][] = [
    ...kernel.map((rival): Contest['kinds'] => [rival, 'coded']),
    ...(kernel.length === 2 ? ([['cubic', 'bbr']] as const) : []),
  ];
  const shallow = trips.flatMap((trip) =>
    pairs.map((kinds): Contest => ({ kinds, trip, queue: 0.25, loss: 0 })),
  );
  const runs = await contests(plan, [...lossy, ...alone, ...kept, ...shallow]);
  const at = (index: number): Awaited<ReturnType<typeof contests>>[number] => runs[index] ?? [];
  const notes = [`Medians of ${plan.size.seeds.length} seeds.`];
  const mbits = RATE / 1e6;
  return {
    tables: [
      {
        title: 'Fairness: share of the tunnel beside BBR on a link that loses 1 %',
        rows: lossy.map((contest, index) => judged(rowOf(contest, at(index)), GOAL)),
        notes,
      },
      {
        title:
          'Cubic on a link that loses 1 %: what it keeps of min(half the link, its rate alone)',
        rows: both.map(({ trip, queue }, index) => {
          const rate = (from: number): number =>
            medianOf(at(from + index), ({ rates }) => rates[0] ?? 0);
          const without = rate(lossy.length);
          const beside = rate(lossy.length + both.length);
          const share = beside / Math.min(mbits / 2, without);
          return {
            'RTT ms': trip,
            'queue BDP': queue,
            'alone Mbit/s': without,
            'beside Mbit/s': beside,
            kept: share,
            missed: share < 0.7 ? 'below 0.7' : '',
          };
        }),
        notes,
      },
      {
        title:
          'Shallow queues: the share of whoever is second, kernel flows beside each other last',
        rows: shallow.map((contest, index) =>
          rowOf(contest, at(lossy.length + 2 * both.length + index)),
        ),
        notes,
      },
    ],
  };
}

const OVERLOAD_RATE = 1_000_000;
const OVERLOAD_BYTES = 200;
const OVERLOAD_SECONDS = 20;
const GOAL_OVERLOAD = 1.25;

/** Line 3: more than the link takes, and 5 % loss beside: copies must stop. */
export async function overload(plan: Plan): Promise<PartResult> {
  const cases = [1, 1.1, 1.2].flatMap((times) =>
    (['asap', 'lean'] as const).map((worth) => ({ times, worth })),
  );
  const seconds = plan.size.quick ? 4 : OVERLOAD_SECONDS;
  const cells = cases.map(({ times, worth }): Omit<Cell, 'seed'> => {
    // What a message costs sent once, its headers and its share of acknowledgements included.
    const perSecond = (times * OVERLOAD_RATE) / 8 / (OVERLOAD_BYTES + FIRST_BYTES);
    const load = { worth, count: Math.round(perSecond * seconds), bytes: OVERLOAD_BYTES };
    return {
      flows: [
        { subject: 'coded', load: { kind: 'messages', ...load, everyMs: 1_000 / perSecond } },
      ],
      link: linkOf(100, 'loss=0.05', 1, OVERLOAD_RATE),
      seconds: seconds + 20,
      graceSeconds: 2,
    };
  });
  const outcomes = await plan.run(cells, 6);
  const rows = cases.map(({ times, worth }, index) => {
    const runs = outcomes[index] ?? [];
    const sent = medianOf(runs, ({ flows }) => flows[0]?.dial?.redundancy ?? Infinity);
    return {
      class: worth,
      'of capacity': times,
      'sent / first transmissions': sent,
      'payload of rate x (1 - loss)': medianOf(runs, ({ flows, zeroAt }) => {
        const progress = flows[0]?.serve.progress ?? [];
        const bytes = bytesBetween(progress, zeroAt, zeroAt + seconds * 1_000);
        return (bytes * 8) / seconds / OVERLOAD_RATE / 0.95;
      }),
      'queue p95 ms': medianOf(runs, ({ counts }) => counts.up.queueMsP95),
      missed: sent > GOAL_OVERLOAD ? `> ${GOAL_OVERLOAD}` : '',
    };
  });
  return {
    tables: [
      {
        title: `Messages of ${OVERLOAD_BYTES} bytes, more than a link of 1 Mbit/s takes, 5 % loss, RTT 100`,
        rows,
        notes: [
          `Medians of ${plan.size.seeds.length} seeds. IP bytes that left, acknowledgements and headers included, over the bytes of symbols sent for the first time.`,
        ],
      },
    ],
  };
}

/** IP, UDP, header, seal and frame of a message that travels alone. */
const FIRST_BYTES = 70;
