import type { BenchResult } from '../table.js';
import {
  earlyP99,
  latenciesOf,
  medianOf,
  messageFigures,
  ms,
  percent,
  pooled,
  quantile,
} from './figures.js';
import { linkOf, type Contestant, type PartResult, type Plan } from './plan.js';

const MESSENGERS: readonly Contestant[] = [
  { name: 'coded asap', subject: 'coded', worth: 'asap' },
  { name: 'coded lean', subject: 'coded', worth: 'lean' },
  { name: 'ws TLS bbr', subject: 'websocket', congestion: 'bbr' },
  { name: 'ws TLS cubic', subject: 'websocket', congestion: 'cubic' },
  { name: 'MQTT QoS 1 bbr', subject: 'mqtt', congestion: 'bbr' },
];
const MESSAGE_BYTES = 200;
const EVERY_MS = 50;
const LOSSES = [0, 0.05, 0.1, 0.2, 0.3];
const GRACE_SECONDS = 8;

/** What a cell asks of each class: p99, p99.9, maximum, bytes; see docs/tunnel.md. */
interface Goal {
  readonly p99: number;
  readonly p999?: number;
  readonly max?: number;
  readonly bytes?: number;
}

interface MessageCell {
  readonly trip: number;
  readonly name: string;
  readonly extra: string;
  readonly goals: Readonly<Record<string, Goal>>;
}

/** Event loops of real processes come late: added to what simulations reach. */
const LOOP_MS = 8;

const CELLS: readonly MessageCell[] = [
  cell(0, {}, {}),
  cell(0.05, { p99: 70, p999: 230, bytes: 640 }, {}),
  cell(0.1, { p99: 75, p999: 230, bytes: 730 }, { p99: 180, bytes: 480 }),
  cell(0.2, { p99: 75, p999: 230, bytes: 1_000 }, { p99: 190, bytes: 600 }),
  cell(0.3, { p99: 80, p999: 230, max: 500, bytes: 1_300 }, { p99: 200, bytes: 820 }),
  { ...cell(0.1, { p99: 180, p999: 320 }, {}), trip: 300 },
  {
    trip: 100,
    name: 'fades of 50 ms',
    extra: 'get=450ms/50ms',
    goals: { 'coded asap': { p99: 250 }, 'coded lean': { p99: 250 } },
  },
];

function cell(loss: number, asap: Partial<Goal>, lean: Partial<Goal>): MessageCell {
  const goals = {
    'coded asap': { p99: Infinity, ...asap },
    'coded lean': { p99: Infinity, ...lean },
  };
  return { trip: 100, name: `${loss * 100} %`, extra: `loss=${loss}`, goals };
}

/** 150 s of the tunnel, so that its p99 is no matter of seven messages; 40 s of the others. */
const COUNT = { coded: 3_000, peer: 800, quick: 100 };

/** Line 1: sparse small messages. */
export async function messages(plan: Plan): Promise<PartResult> {
  const countOf = ({ subject }: Contestant): number =>
    plan.size.quick ? COUNT.quick : subject === 'coded' ? COUNT.coded : COUNT.peer;
  const outcomes = await plan.compete(
    MESSENGERS,
    CELLS.map(({ trip, extra }) => ({
      link: linkOf(trip, extra),
      seconds: (COUNT.coded * EVERY_MS) / 1_000 + 60,
      graceSeconds: plan.size.quick ? 2 : GRACE_SECONDS,
      load: (who) => ({
        ...{ kind: 'messages', worth: who.worth ?? 'asap', count: countOf(who) },
        ...{ bytes: MESSAGE_BYTES, everyMs: EVERY_MS },
      }),
    })),
    4,
  );
  const rows: BenchResult['rows'][number][] = [];
  const lines = new Map<string, number[]>();
  for (const [index, { trip, name, extra, goals }] of CELLS.entries())
    for (const [who, runs] of outcomes[index] ?? []) {
      const count = countOf(who);
      const figures = runs.map((run) => messageFigures(run, count));
      const p99 = medianOf(figures, (run) => run.p99);
      const early = Math.min(count, COUNT.peer);
      const atFirst = medianOf(runs, (run) => earlyP99(run, early));
      const p999 = pooled(runs, count, 0.999);
      const max = medianOf(figures, (run) => run.max);
      const bytes = Math.round(medianOf(figures, (run) => run.bytes));
      if (trip === 100 && extra.startsWith('loss'))
        lines.set(who.name, [...(lines.get(who.name) ?? []), p99]);
      rows.push({
        'RTT ms': trip,
        loss: name,
        with: who.name,
        p50: ms(medianOf(figures, (run) => run.p50)),
        p99: ms(p99),
        [`p99 of first ${COUNT.peer}`]: ms(atFirst),
        'p99.9': ms(p999),
        max: ms(max),
        'IP bytes': bytes,
        'lost %': percent(medianOf(figures, (run) => run.lost)),
        missed: missedOf(goals[who.name], { p99, p999, max, bytes }),
      });
    }
  const clean = new Map(outcomes[0]?.map(([{ name }, runs]) => [name, runs]));
  const times = (name: string): string =>
    medianOf(clean.get(name) ?? [], ({ flows }) => flows[0]?.dial?.redundancy ?? NaN).toFixed(3);
  return {
    tables: [
      {
        title: `Messages of ${MESSAGE_BYTES} bytes, 20 a second, one way, ms; IP bytes up and down per message, connecting included`,
        rows,
        notes: [
          `Medians of ${plan.size.seeds.length} seeds, ${COUNT.coded} messages each from a cold start, ${COUNT.peer} of the peers; p99.9 over the messages of all seeds, max the median of the seeds' maxima.`,
          `"missed": beyond the goal and ${LOOP_MS} ms for the event loop, bytes without allowance.`,
          `Clean link, all IP bytes that left over those of first transmissions: ${times('coded asap')} (asap), ${times('coded lean')} (lean); goal 1.01.`,
        ],
      },
    ],
    plots: {
      'tunnel-messages.svg': {
        title: 'Messages of 200 bytes, 20 a second, RTT 100 ms: one-way p99',
        x: { label: 'loss each way, %', values: LOSSES.map((loss) => loss * 100) },
        y: { label: 'ms; hollow: longer, or never', log: true, min: 50, max: 10_000 },
        lines: [...lines].map(([name, values]) => ({ name, values })),
      },
    },
  };
}

function missedOf(
  goal: Goal | undefined,
  reached: { p99: number; p999: number; max: number; bytes: number },
): string {
  if (goal === undefined) return '';
  const { p99, p999 = Infinity, max = Infinity, bytes = Infinity } = goal;
  return [
    ...(reached.p99 > p99 + LOOP_MS ? [`p99 > ${p99}`] : []),
    ...(reached.p999 > p999 + LOOP_MS ? [`p99.9 > ${p999}`] : []),
    ...(reached.max > max + LOOP_MS ? [`max > ${max}`] : []),
    ...(reached.bytes > bytes ? [`bytes > ${bytes}`] : []),
  ].join(', ');
}

const ECHOERS = MESSENGERS.filter(({ name }) => name === 'coded asap' || name.startsWith('ws'));
const ECHO_BYTES = 512;
const ECHO_EVERY_MS = 10;
const ECHO_LOSS = 0.05;

/** n-hop's own test: 512 bytes there and back, 100 a second, 10 ms and 5 % loss each way. */
export async function echo(plan: Plan): Promise<PartResult> {
  const count = plan.size.quick ? 200 : 2_000;
  const [cells = []] = await plan.compete(
    ECHOERS,
    [
      {
        link: linkOf(20, `loss=${ECHO_LOSS}`),
        seconds: (count * ECHO_EVERY_MS) / 1_000 + 30,
        load: ({ worth = 'asap' }) => ({
          ...{ kind: 'messages', worth, count, bytes: ECHO_BYTES, everyMs: ECHO_EVERY_MS },
          echo: true,
        }),
      },
    ],
    1,
  );
  const rows = cells.map(([{ name }, runs]) => {
    const at = (share: number): number =>
      medianOf(runs, ({ flows }) => {
        const sorted = latenciesOf(flows[0]?.dial);
        return sorted[Math.ceil(share * count) - 1] ?? Infinity;
      });
    const p99 = at(0.99);
    return {
      with: name,
      p50: ms(at(0.5)),
      p95: ms(at(0.95)),
      p99: ms(p99),
      'p99 least': ms(quantileOfP99(runs, count, 0)),
      'p99 most': ms(quantileOfP99(runs, count, 1)),
      max: ms(at(1)),
      missed: name === 'coded asap' && p99 > 40 ? 'p99 > 40' : '',
    };
  });
  return {
    tables: [
      {
        title: `${ECHO_BYTES} bytes echoed, 100 a second, 10 ms and 5 % loss each way: round trip, ms`,
        rows,
        notes: [
          `Medians of ${plan.size.seeds.length} seeds, ${count} messages each. n-hop state 64 ms for theirs.`,
        ],
      },
    ],
  };
}

function quantileOfP99(runs: Parameters<typeof pooled>[0], count: number, share: number): number {
  return quantile(
    runs.map(({ flows }) => latenciesOf(flows[0]?.dial)[Math.ceil(0.99 * count) - 1] ?? Infinity),
    share,
  );
}
