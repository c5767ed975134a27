import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connectAsync, type MqttClient } from 'mqtt';
import { BUNDLE, bundleGateway } from '../bundle.js';
import { eventually, Site } from '../site.js';
import type { BenchResult } from './table.js';
import { pause, percentile, processUsage, type ProcessUsage } from './process-figures.js';

const DEVICES = 100;
const PROPERTIES = 10;
const BURST = 10_000;
const IN_FLIGHT = 500;
const PACED_PER_SECOND = 500;
const PACED_SECONDS = 10;
const STARTS = 9;

/** The whole gateway with 100 devices of 10 properties, fed over MQTT at QoS 1: PUBACK is durable. */
export async function run(): Promise<readonly BenchResult[]> {
  const bytes = await bundleGateway();
  const site = await Site.start({ devices: devices() });
  try {
    await site.gateway?.stop();
    await site.startGateway(BUNDLE);
    return await measure(site, bytes);
  } finally {
    await site.stop();
  }
}

async function measure(site: Site, bundleBytes: number): Promise<readonly BenchResult[]> {
  const pid = site.gateway?.pid ?? 0;
  const client = await connectAsync(`mqtt://${site.broker}`, { clientId: 'bench' });
  await touchAll(client);
  await settled(site);
  await pause(15_000);
  const idle = processUsage(pid);
  const paced = await measured(site, pid, () => pacedUpdates(client));
  const burst = await measured(site, pid, () => burstOfUpdates(client));
  await settled(site);
  await pause(15_000);
  const after = processUsage(pid);
  await client.endAsync();
  const starts = await startTimes(site);
  const perSync = (burst.bytes + paced.bytes) / Math.max(1, burst.syncs + paced.syncs);
  return [
    {
      title: 'gateway: memory, 100 devices x 10 properties, broker and hub session included',
      rows: [
        { when: 'idle', ...memory(idle), 'budget MB': 60 },
        { when: `peak of a burst of ${BURST}`, ...memory(burst.usage), 'budget MB': 80 },
        { when: 'after', ...memory(after), 'budget MB': '' },
      ],
    },
    {
      title: 'gateway: durable twin updates of about 200 bytes, MQTT QoS 1',
      rows: [
        row('burst, 500 in flight', burst, BURST),
        row(`paced, ${PACED_PER_SECOND} per second`, paced, PACED_PER_SECOND * PACED_SECONDS),
      ],
      notes: [
        `bytes handed to the disk per sync: ${perSync.toFixed(0)} (journal and snapshots)`,
        `bundle: ${(bundleBytes / 1024).toFixed(0)} KiB beside Node`,
        `start to broker listening: ${starts.broker} ms; to all ready, hub being dialled: ${starts.ready} ms; ` +
          `medians of ${STARTS}, Node's own start (${starts.node} ms) included`,
      ],
    },
  ];
}

interface Measured {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
  readonly usage: ProcessUsage;
  readonly bytes: number;
  readonly syncs: number;
  readonly logBytes: number;
}

async function measured(
  site: Site,
  pid: number,
  work: () => Promise<readonly number[]>,
): Promise<Measured> {
  const [before, storeBefore] = [processUsage(pid), await store(site)];
  const logBefore = site.gateway?.logBytes ?? 0;
  const start = performance.now();
  const latenciesMs = await work();
  const seconds = (performance.now() - start) / 1000;
  const [usage, storeAfter] = [processUsage(pid), await store(site)];
  return {
    seconds,
    latenciesMs,
    usage,
    cpuMs: usage.cpuMs - before.cpuMs,
    bytes: storeAfter.bytesWritten - storeBefore.bytesWritten,
    syncs: storeAfter.syncs - storeBefore.syncs,
    logBytes: (site.gateway?.logBytes ?? 0) - logBefore,
  };
}

function row(what: string, result: Measured, updates: number): Record<string, string | number> {
  return {
    what,
    'updates/s': Math.round(updates / result.seconds),
    'p50 ms': percentile(result.latenciesMs, 0.5),
    'p99 ms': percentile(result.latenciesMs, 0.99),
    'CPU us/update': Math.round((result.cpuMs * 1000) / updates),
    'disk B/update': Math.round(result.bytes / updates),
    'log B/update': result.logBytes / updates,
    syncs: result.syncs,
  };
}

const memory = (usage: ProcessUsage): Record<string, number> => ({
  'RSS MB': usage.rssMb,
  'peak MB': usage.peakMb,
  'anonymous MB': usage.anonymousMb,
});

async function burstOfUpdates(client: MqttClient): Promise<readonly number[]> {
  const latencies: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < BURST) latencies.push(await update(client, next++));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return latencies;
}

async function pacedUpdates(client: MqttClient): Promise<readonly number[]> {
  const pending: Promise<number>[] = [];
  const start = performance.now();
  for (let tick = 0; tick < PACED_SECONDS * 100; tick++) {
    for (let i = 0; i < PACED_PER_SECOND / 100; i++) pending.push(update(client, pending.length));
    await pause(Math.max(0, start + (tick + 1) * 10 - performance.now()));
  }
  return Promise.all(pending);
}

async function touchAll(client: MqttClient): Promise<void> {
  const all = Array.from({ length: DEVICES * PROPERTIES }, (_, index) => update(client, index));
  await Promise.all(all);
}

/** One QoS 1 publish; milliseconds until its PUBACK. */
async function update(client: MqttClient, index: number): Promise<number> {
  const device = index % DEVICES;
  const property = Math.floor(index / DEVICES) % PROPERTIES;
  const timestamp = Date.now();
  const payload = {
    event_id: `bench-${index}`,
    timestamp,
    twin: { [`p${property}`]: { actual: { value: String(index / 10), metadata: { timestamp } } } },
  };
  const start = performance.now();
  await client.publishAsync(
    `$hw/events/device/default/d${device}/twin/update`,
    JSON.stringify(payload),
    { qos: 1 },
  );
  return performance.now() - start;
}

async function store(site: Site): Promise<{ bytesWritten: number; syncs: number }> {
  return (await status(site)).store;
}

async function status(site: Site): Promise<{
  store: { bytesWritten: number; syncs: number };
  hub: { unsent: number };
}> {
  const response = await fetch(`http://${site.gatewayApi}/api/v1/status`);
  return (await response.json()) as Awaited<ReturnType<typeof status>>;
}

async function settled(site: Site): Promise<void> {
  await eventually(
    'nothing unsent',
    () => status(site),
    ({ hub }) => hub.unsent === 0,
  );
}

/** Medians, in milliseconds from the moment when the process is made. */
async function startTimes(site: Site): Promise<{ broker: number; ready: number; node: number }> {
  const times = { broker: [] as number[], ready: [] as number[], node: [] as number[] };
  for (let round = 0; round < STARTS; round++) {
    await site.gateway?.stop();
    const start = performance.now();
    await site.startGateway(BUNDLE);
    times.broker.push((site.gateway?.saidAtMs('broker-listening') ?? NaN) - start);
    times.ready.push((site.gateway?.saidAtMs('ready') ?? NaN) - start);
    const bare = performance.now();
    await once(spawn(process.execPath, ['-e', '0']), 'exit');
    times.node.push(performance.now() - bare);
  }
  const median = (values: readonly number[]): number => Math.round(percentile(values, 0.5));
  return { broker: median(times.broker), ready: median(times.ready), node: median(times.node) };
}

function devices(): string {
  const names = Array.from({ length: PROPERTIES }, (_, index) => `p${index}`);
  const model = {
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'DeviceModel',
    metadata: { name: 'bench' },
    spec: { properties: names.map((name) => ({ name, type: 'FLOAT', accessMode: 'ReadOnly' })) },
  };
  const all = Array.from({ length: DEVICES }, (_, index) => ({
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'Device',
    metadata: { name: `d${index}` },
    spec: {
      deviceModelRef: { name: 'bench' },
      protocol: { protocolName: 'mqtt' },
      properties: names.map((name) => ({ name })),
    },
  }));
  return [model, ...all].map((document) => JSON.stringify(document)).join('\n---\n');
}
