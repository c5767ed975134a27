import type { BenchResult } from '../table.js';
import { medianOf, percent, shareInSecond, streamFigures, transferSeconds } from './figures.js';
import { ENDLESS, linkOf, RATE, type Contestant, type PartResult, type Plan } from './plan.js';

const CARRIERS: readonly Contestant[] = [
  { name: 'coded', subject: 'coded' },
  { name: 'tcp bbr', subject: 'tcp', congestion: 'bbr' },
  { name: 'tcp cubic', subject: 'tcp', congestion: 'cubic' },
  { name: 'ws TLS bbr', subject: 'websocket', congestion: 'bbr' },
];
const LOSSES = [0, 0.01, 0.05, 0.1, 0.2, 0.3];
const TRIPS = [40, 100, 300];
const SECONDS = 30;
const QUEUE_MS_MAX = 30;

type Row = BenchResult['rows'][number];

/** Line 2: one stream for half a minute. */
export async function bulk(plan: Plan): Promise<PartResult> {
  const { quick, seeds } = plan.size;
  const seconds = quick ? 5 : SECONDS;
  const cells = (quick ? [100] : TRIPS).flatMap((trip) => LOSSES.map((loss) => ({ trip, loss })));
  const outcomes = await plan.compete(
    CARRIERS.filter(({ subject }) => subject !== 'websocket'),
    cells.map(({ trip, loss }) => ({
      link: linkOf(trip, `loss=${loss}`),
      seconds: seconds + 30,
      settleSeconds: seconds / 3 + 2,
      load: () => ({ kind: 'stream', bytes: ENDLESS, seconds: seconds + trip / 1_000 }),
    })),
    2,
  );
  const rows: Row[] = [];
  const lines = new Map<string, number[]>();
  for (const [index, { trip, loss }] of cells.entries())
    for (const [{ name }, runs] of outcomes[index] ?? []) {
      const figures = runs.map((run) => streamFigures(run, { rate: RATE, loss, seconds }));
      const share = medianOf(figures, (run) => run.share);
      const queue = medianOf(figures, (run) => run.queueMsP95);
      if (trip === 100) lines.set(name, [...(lines.get(name) ?? []), percent(share)]);
      const goal = trip === 300 ? 0.85 : 0.88;
      const missed = [
        ...(share < goal ? [`below ${percent(goal)}`] : []),
        ...(queue > QUEUE_MS_MAX ? [`queue > ${QUEUE_MS_MAX}`] : []),
      ];
      rows.push({
        'RTT ms': trip,
        'loss %': percent(loss),
        with: name,
        '% of limit': percent(share),
        least: percent(Math.min(...figures.map((run) => run.share))),
        steady: percent(medianOf(figures, (run) => run.steady)),
        'queue p95 ms': queue,
        sent: medianOf(figures, (run) => run.sent),
        'CPU %': percent(medianOf(figures, (run) => run.cpu)),
        missed: name === 'coded' ? missed.join(', ') : '',
      });
    }
  return {
    tables: [
      {
        title: `Bulk for ${seconds} s at 10 Mbit/s, queue of 1 BDP: payload of rate x (1 - loss)`,
        rows,
        notes: [
          `Medians of ${seeds.length} seeds from the connection on. "steady", queue: without the first third. "sent": IP bytes per byte that arrived. CPU: of the sender.`,
        ],
      },
    ],
    plots: {
      'tunnel-bulk.svg': {
        title: 'Bulk at 10 Mbit/s, RTT 100 ms',
        x: { label: 'loss, %', values: LOSSES.map((loss) => loss * 100) },
        y: { label: '% of rate x (1 - loss)', min: 0, max: 100 },
        lines: [...lines].map(([name, values]) => ({ name, values })),
      },
    },
  };
}

const TRANSFER_BYTES = 5_000_000;
const TRANSFER_SECONDS = 12;

/** 5 MB at RTT 300. */
export async function transfers(plan: Plan): Promise<PartResult> {
  const losses = [0.05, 0.1];
  const outcomes = await plan.compete(
    CARRIERS,
    losses.map((loss) => ({
      link: linkOf(300, `loss=${loss}`),
      seconds: 40,
      load: () => ({ kind: 'stream', bytes: TRANSFER_BYTES, seconds: TRANSFER_SECONDS }),
    })),
    2,
  );
  const rows = losses.map((loss, index) => {
    const row: Record<string, number | string> = { 'RTT ms': 300, 'loss %': percent(loss) };
    for (const [{ name }, runs] of outcomes[index] ?? []) {
      const seconds = medianOf(runs, (run) => transferSeconds(run, TRANSFER_BYTES));
      row[name] = Number.isFinite(seconds) ? seconds.toFixed(1) : `over ${TRANSFER_SECONDS}`;
    }
    return { ...row, missed: Number(row['coded']) > 6.5 ? 'coded > 6.5' : '' };
  });
  return {
    tables: [
      {
        title: 'Seconds to move 5 MB from the dial on, 10 Mbit/s',
        rows,
        notes: [`Medians of ${plan.size.seeds.length} seeds.`],
      },
    ],
  };
}

const BLACKOUT = { from: 4, to: 6 };

/** What the first second after a blackout of 2 s carries. */
export async function blackouts(plan: Plan): Promise<PartResult> {
  const { from, to } = BLACKOUT;
  const trips = plan.size.quick ? [100] : TRIPS;
  const outcomes = await plan.compete(
    CARRIERS,
    trips.map((trip) => ({
      link: linkOf(trip, `blackout=${from}-${to}`),
      seconds: 40,
      load: () => ({ kind: 'stream', bytes: ENDLESS, seconds: to + 1.5 }),
    })),
    plan.size.quick ? 1 : 2,
  );
  const rows = trips.map((trip, index) => {
    const row: Record<string, number | string> = { 'RTT ms': trip };
    for (const [{ name }, runs] of outcomes[index] ?? [])
      row[name] = percent(medianOf(runs, (run) => shareInSecond(run, to, RATE)));
    return { ...row, missed: Number(row['coded']) < 50 ? 'coded < 50' : '' };
  });
  return {
    tables: [
      {
        title: 'Payload in the first second after a blackout of 2 s, % of the rate',
        rows,
        notes: [`Medians of ${plan.size.seeds.length} seeds.`],
      },
    ],
  };
}
