/**
 * Messages per second of the EventBus on one core, beside mosquitto in the same run: QoS 0 and 1,
 * fan-out 1 and 10, alternating, medians of several rounds. CPU time per message as well, for a
 * machine that is not quiet. Then what abuse of one client costs the others.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { abuseRows, measureAbuse } from './broker-abuse.js';
import {
  here,
  isInstalled,
  LOAD_CORE,
  pinned,
  startEventBus,
  startMosquitto,
} from './broker-peers.js';
import type { BrokerPeer } from './broker-peers.js';
import { percentile } from './process-figures.js';
import type { LoadOptions, LoadResult } from './broker-load.js';
import type { BenchResult } from './table.js';

export interface BrokerBenchOptions {
  readonly rounds?: number;
  readonly measureMs?: number;
  /** False leaves out the abuse table. */
  readonly abuse?: boolean;
}

export interface ThroughputRow {
  readonly broker: string;
  readonly qos: 0 | 1;
  readonly fan: number;
  /** Inbound messages a second, median. */
  readonly perSecond: number;
  /** CPU of the broker for one inbound message, microseconds, median. */
  readonly cpuMicros: number;
  /** Share of a core that the generator used: near 1 it was the limit. */
  readonly generatorShare: number;
}

const CASES = [
  { qos: 0, fan: 1 },
  { qos: 0, fan: 10 },
  { qos: 1, fan: 1 },
  { qos: 1, fan: 10 },
] as const;

/** One generator stands for many clients, so the limit of a single client is lifted. */
const LIFTED = { publishesPerSecond: 1e9, publishBurst: 1e9 };

export async function run(options: BrokerBenchOptions = {}): Promise<readonly BenchResult[]> {
  const { rounds = 5, measureMs = 1500, abuse = true } = options;
  const starts = [
    () => startEventBus(LIFTED),
    ...(isInstalled('mosquitto') ? [startMosquitto] : []),
  ];
  const throughput: ThroughputRow[] = [];
  for (const { qos, fan } of CASES) {
    const samples = new Map<string, Sample[]>();
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? starts : [...starts].reverse();
      for (const start of order) {
        const peer = await start();
        const sample = await measure(peer, { qos, fan, measureMs });
        await peer.stop();
        samples.set(peer.name, [...(samples.get(peer.name) ?? []), sample]);
      }
    }
    for (const [broker, taken] of samples)
      throughput.push({
        broker,
        qos,
        fan,
        perSecond: half(taken.map(({ perSecond }) => perSecond)),
        cpuMicros: half(taken.map((sample) => sample.cpuMicros)),
        generatorShare: half(taken.map(({ generatorShare }) => generatorShare)),
      });
  }
  const results: BenchResult[] = [
    {
      title: 'broker: inbound messages of 100 bytes on one core',
      rows: throughputRows(throughput),
    },
  ];
  if (abuse)
    results.push({
      title: 'broker: what abuse by one client costs the others',
      rows: abuseRows(await measureAbuse(isInstalled('mosquitto'))),
    });
  return results;
}

interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly generatorShare: number;
}

async function measure(
  peer: BrokerPeer,
  { qos, fan, measureMs }: { qos: 0 | 1; fan: number; measureMs: number },
): Promise<Sample> {
  const options: LoadOptions = {
    ...{ port: peer.port, brokerPid: peer.pid, qos, fan, measureMs },
    warmUpMs: 700,
    payloadBytes: 100,
    window: 1000,
  };
  const [program, args] = pinned(LOAD_CORE, [
    process.execPath,
    here('broker-load.js'),
    JSON.stringify(options),
  ]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child.stdout, 'data') as Promise<[Buffer]>;
  const [line] = await ended;
  const { messages, seconds, brokerCpuMicros, generatorShare } = JSON.parse(
    line.toString(),
  ) as LoadResult;
  const perSecond = messages / seconds;
  return { perSecond, cpuMicros: brokerCpuMicros / messages, generatorShare };
}

function throughputRows(rows: readonly ThroughputRow[]): BenchResult['rows'] {
  return CASES.map(({ qos, fan }) => {
    const of = (broker: string): ThroughputRow | undefined =>
      rows.find((row) => row.broker === broker && row.qos === qos && row.fan === fan);
    const [ours, theirs] = [of('edgetwin'), of('mosquitto')];
    const ratio = (a = 0, b = 0): number | string => (a > 0 && b > 0 ? a / b : '-');
    return {
      ...{ QoS: qos, 'fan-out': fan },
      'edgetwin/s': Math.round(ours?.perSecond ?? 0),
      'mosquitto/s': theirs === undefined ? '-' : Math.round(theirs.perSecond),
      ratio: ratio(ours?.perSecond, theirs?.perSecond),
      'edgetwin CPU us': ours?.cpuMicros ?? '-',
      'mosquitto CPU us': theirs?.cpuMicros ?? '-',
      'CPU ratio': ratio(theirs?.cpuMicros, ours?.cpuMicros),
      // A rate tells what a core can do only where the broker was busy; CPU tells it anywhere.
      'edgetwin busy': ours === undefined ? '-' : busy(ours),
      'mosquitto busy': theirs === undefined ? '-' : busy(theirs),
      'generator busy': Math.max(ours?.generatorShare ?? 0, theirs?.generatorShare ?? 0),
    };
  });
}

/** Share of its core that the broker had. */
function busy({ perSecond, cpuMicros }: ThroughputRow): number {
  return (perSecond * cpuMicros) / 1e6;
}

function half(values: readonly number[]): number {
  return percentile(values, 0.5);
}
