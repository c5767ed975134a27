import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { whyNoLink } from '../linkem/emulated-link.js';
import type { BenchOptions, BenchResult } from './table.js';
import type { Load } from './tunnel/end.js';
import {
  medianOf,
  messageFigures,
  quantile,
  shareInSecond,
  streamFigures,
  transferSeconds,
} from './tunnel/figures.js';
import { drawPlot } from './tunnel/plot.js';
import { measure, type Outcome, type Run } from './tunnel/run.js';

type Row = BenchResult['rows'][number];

/** Who is measured: the transport, its worth, TCP's congestion control. */
interface Contestant {
  readonly name: string;
  readonly subject: Run['subject'];
  readonly congestion?: 'cubic' | 'bbr';
  readonly worth?: 'asap' | 'lean';
}

const MESSENGERS: readonly Contestant[] = [
  { name: 'coded asap', subject: 'coded', worth: 'asap' },
  { name: 'coded lean', subject: 'coded', worth: 'lean' },
  { name: 'ws TLS bbr', subject: 'websocket', congestion: 'bbr' },
  { name: 'ws TLS cubic', subject: 'websocket', congestion: 'cubic' },
  { name: 'MQTT QoS 1 bbr', subject: 'mqtt', congestion: 'bbr' },
];
const CARRIERS: readonly Contestant[] = [
  { name: 'coded', subject: 'coded' },
  { name: 'tcp bbr', subject: 'tcp', congestion: 'bbr' },
  { name: 'tcp cubic', subject: 'tcp', congestion: 'cubic' },
  { name: 'ws TLS bbr', subject: 'websocket', congestion: 'bbr' },
];
const DIALLERS = CARRIERS.filter(({ subject }) => subject !== 'tcp');

const RATE = 10_000_000;
const LOSSES = [0, 0.05, 0.1, 0.2, 0.3];
const ENDLESS = 1e12;
const MESSAGE_BYTES = 200;
const EVERY_MS = 50;
const TRANSFER_BYTES = 5_000_000;
const BLACKOUT = { from: 5, to: 7 };

interface Size {
  readonly seeds: readonly number[];
  readonly messages: number;
  readonly seconds: number;
  readonly connects: number;
  readonly trips: readonly number[];
}

const FULL: Size = {
  seeds: [11, 12, 13, 14, 15],
  messages: 1_200,
  seconds: 30,
  connects: 20,
  trips: [40, 100, 300],
};
const QUICK: Size = { seeds: [11], messages: 100, seconds: 5, connects: 5, trips: [100] };

/** The coded transport on emulated links between real sockets, its peers in the same run. */
export async function run(options: BenchOptions): Promise<readonly BenchResult[]> {
  const missing = whyNoLink();
  if (missing !== undefined)
    return [{ title: 'Tunnel on emulated links', rows: [], notes: [`skipped: needs ${missing}`] }];
  const size = options.quick === true ? QUICK : FULL;
  const seeds = size.seeds.slice(0, options.seeds);
  const results: BenchResult[] = [];
  for (const [name, part] of Object.entries(PARTS))
    if (options.part === undefined || options.part === name)
      results.push(await part({ ...size, seeds }, options));
  return results;
}

const PARTS = { messages, bulk, transfers, connects, blackouts };

async function messages(size: Size, { plot }: BenchOptions): Promise<BenchResult> {
  const cells = [
    ...LOSSES.map((loss) => ({ trip: 100, name: `${loss * 100} %`, extra: `loss=${loss}` })),
    { trip: 300, name: '10 %', extra: 'loss=0.1' },
    { trip: 100, name: 'fades of 50 ms', extra: 'get=450ms/50ms' },
  ];
  const rows: Row[] = [];
  const lines = new Map<string, number[]>();
  for (const { trip, name, extra } of cells) {
    const runs = await compete(MESSENGERS, size, {
      link: linkOf(trip, extra),
      seconds: (size.messages * EVERY_MS) / 1_000 + 60,
      graceSeconds: 8,
      load: ({ worth = 'asap' }) => ({
        kind: 'messages',
        worth,
        count: size.messages,
        bytes: MESSAGE_BYTES,
        everyMs: EVERY_MS,
      }),
    });
    for (const [contestant, outcomes] of runs) {
      const figures = outcomes.map((outcome) => messageFigures(outcome, size.messages));
      const p99 = medianOf(figures, (run) => run.p99);
      if (trip === 100 && extra.startsWith('loss'))
        lines.set(contestant.name, [...(lines.get(contestant.name) ?? []), p99]);
      rows.push({
        RTT: trip,
        loss: name,
        with: contestant.name,
        p50: ms(medianOf(figures, (run) => run.p50)),
        p99: ms(p99),
        max: ms(medianOf(figures, (run) => run.max)),
        'IP bytes': Math.round(medianOf(figures, (run) => run.bytes)),
        'lost %': 100 * medianOf(figures, (run) => run.lost),
      });
    }
  }
  draw(plot, 'tunnel-messages.svg', {
    title: 'Messages of 200 bytes, 20 a second, RTT 100 ms: one-way p99',
    x: { label: 'loss each way, %', values: LOSSES.map((loss) => loss * 100) },
    y: { label: 'ms; hollow: longer, or never', log: true, min: 50, max: 10_000 },
    lines: [...lines].map(([name, values]) => ({ name, values })),
  });
  return {
    title: `Messages of ${MESSAGE_BYTES} bytes, 20 a second, one way, ms; IP bytes up and down per message (connecting included)`,
    rows,
    notes: [`Medians of ${size.seeds.length} seeds, ${size.messages} messages each.`],
  };
}

async function bulk(size: Size, { plot }: BenchOptions): Promise<BenchResult> {
  const rows: Row[] = [];
  const lines = new Map<string, number[]>();
  for (const trip of size.trips)
    for (const loss of LOSSES) {
      const { seconds } = size;
      const runs = await compete(CARRIERS, size, {
        link: linkOf(trip, `loss=${loss}`),
        seconds: seconds + 30,
        graceSeconds: 0,
        settleSeconds: seconds / 3 + 2,
        load: () => ({ kind: 'stream', bytes: ENDLESS, seconds: seconds + trip / 1_000 }),
      });
      for (const [contestant, outcomes] of runs) {
        const figures = outcomes.map((run) => streamFigures(run, { rate: RATE, loss, seconds }));
        const share = 100 * medianOf(figures, (run) => run.share);
        if (trip === 100)
          lines.set(contestant.name, [...(lines.get(contestant.name) ?? []), share]);
        rows.push({
          RTT: trip,
          'loss %': loss * 100,
          with: contestant.name,
          '% of limit': share,
          steady: 100 * medianOf(figures, (run) => run.steady),
          'queue p95 ms': medianOf(figures, (run) => run.queueMsP95),
          sent: medianOf(figures, (run) => run.sent),
          'CPU %': 100 * medianOf(figures, (run) => run.cpu),
        });
      }
    }
  draw(plot, 'tunnel-bulk.svg', {
    title: 'Bulk at 10 Mbit/s, RTT 100 ms',
    x: { label: 'loss, %', values: LOSSES.map((loss) => loss * 100) },
    y: { label: '% of rate x (1 - loss)', min: 0, max: 100 },
    lines: [...lines].map(([name, values]) => ({ name, values })),
  });
  return {
    title: `Bulk for ${size.seconds} s at 10 Mbit/s, queue of 1 BDP: payload of rate x (1 - loss)`,
    rows,
    notes: [
      `Medians of ${size.seeds.length} seeds. "steady", queue: without the first third. "sent": IP bytes per byte that arrived.`,
    ],
  };
}

async function transfers(size: Size): Promise<BenchResult> {
  const rows: Row[] = [];
  for (const loss of [0.05, 0.1]) {
    const runs = await compete(CARRIERS, size, {
      link: linkOf(300, `loss=${loss}`),
      seconds: 40,
      graceSeconds: 0,
      load: () => ({ kind: 'stream', bytes: TRANSFER_BYTES, seconds: 20 }),
    });
    const row: Record<string, number | string> = { RTT: 300, 'loss %': loss * 100 };
    for (const [{ name }, outcomes] of runs) {
      const seconds = medianOf(outcomes, (outcome) => transferSeconds(outcome, TRANSFER_BYTES));
      row[name] = Number.isFinite(seconds) ? seconds.toFixed(1) : 'over 20';
    }
    rows.push(row);
  }
  return { title: 'Seconds to move 5 MB from the dial on, 10 Mbit/s', rows };
}

async function connects(size: Size): Promise<BenchResult> {
  const rows: Row[] = [];
  for (const loss of [0.1, 0.2]) {
    const runs = await compete(DIALLERS, size, {
      link: linkOf(100, `loss=${loss}`),
      seconds: 120,
      graceSeconds: 0,
      load: () => ({ kind: 'connects', count: size.connects }),
    });
    for (const [{ name }, outcomes] of runs) {
      const all = outcomes.flatMap(({ dial }) => dial?.connectMs ?? [Infinity]);
      const [p50, p90] = [quantile(all, 0.5), quantile(all, 0.9)];
      rows.push({
        'loss %': loss * 100,
        with: name,
        dials: all.length,
        p50: ms(p50),
        p90: ms(p90),
      });
    }
  }
  return { title: 'Connecting cold, TLS included, RTT 100: ms', rows };
}

async function blackouts(size: Size): Promise<BenchResult> {
  const rows: Row[] = [];
  const { from, to } = BLACKOUT;
  for (const trip of size.trips) {
    const runs = await compete(CARRIERS, size, {
      link: linkOf(trip, `blackout=${from}-${to}`),
      seconds: 40,
      graceSeconds: 0,
      load: () => ({ kind: 'stream', bytes: ENDLESS, seconds: to + 4 }),
    });
    const row: Record<string, number | string> = { RTT: trip };
    for (const [{ name }, outcomes] of runs)
      row[name] = 100 * medianOf(outcomes, (outcome) => shareInSecond(outcome, to, RATE));
    rows.push(row);
  }
  return { title: 'Payload in the first second after a blackout of 2 s, % of the rate', rows };
}

/** All contestants at once, each on a link of its own: nothing is shared but the processor. */
async function compete(
  contestants: readonly Contestant[],
  { seeds }: Size,
  {
    load,
    ...run
  }: Pick<Run, 'link' | 'seconds' | 'graceSeconds' | 'settleSeconds'> & {
    load: (who: Contestant) => Load;
  },
): Promise<readonly (readonly [Contestant, readonly Outcome[]])[]> {
  const outcomes = new Map<Contestant, Outcome[]>(contestants.map((who) => [who, []]));
  for (const seed of seeds)
    await Promise.all(
      contestants.map(async (who) => {
        const { subject, congestion } = who;
        const outcome = await measure({
          ...run,
          seed,
          subject,
          load: load(who),
          ...(congestion === undefined ? {} : { congestion }),
        });
        outcomes.get(who)?.push(outcome);
      }),
    );
  return [...outcomes];
}

function linkOf(trip: number, extra: string): string {
  const queue = Math.max((RATE / 8_000) * trip, 30_000);
  return `rate=${RATE},queue=${queue},delay=${trip / 2}ms,${extra}`;
}

function ms(value: number): number | string {
  return Number.isFinite(value) ? Math.round(value) : 'never';
}

function draw(
  folder: string | undefined,
  name: string,
  plot: Parameters<typeof drawPlot>[0],
): void {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), drawPlot(plot));
}
