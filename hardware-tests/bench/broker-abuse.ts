/** What one abusive client costs the others, and in memory: EventBus beside mosquitto. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import mqtt from 'mqtt-packet';
import { ABUSES } from './broker-abuses.js';
import type { Abuse } from './broker-abuses.js';
import { here, LOAD_CORE, pinned, startEventBus, startMosquitto } from './broker-peers.js';
import { pause, percentile, rssMegabytes } from './process-figures.js';
import type { BenchResult } from './table.js';

export interface AbuseRow {
  readonly broker: string;
  readonly abuse: Abuse;
  /** Messages of two other clients: sent, arrived, 99th percentile of their time in ms. */
  readonly sent: number;
  readonly arrived: number;
  readonly p99: number;
  /** Memory of the broker before, at its highest, and a second after. */
  readonly rssBefore: number;
  readonly rssPeak: number;
  readonly rssAfter: number;
}

export async function measureAbuse(withMosquitto: boolean): Promise<readonly AbuseRow[]> {
  const rows: AbuseRow[] = [];
  for (const abuse of ABUSES)
    for (const start of [startEventBus, ...(withMosquitto ? [startMosquitto] : [])])
      rows.push(await measureOne(start, abuse));
  return rows;
}

async function measureOne(start: typeof startMosquitto, abuse: Abuse): Promise<AbuseRow> {
  const peer = await start();
  await warmUp(peer.port);
  const probe = await startProbe(peer.port);
  await pause(1000);
  const rssBefore = rssMegabytes(peer.pid);
  let rssPeak = rssBefore;
  probe.reset();
  const watch = setInterval(() => (rssPeak = Math.max(rssPeak, rssMegabytes(peer.pid))), 20);
  const argument = JSON.stringify({ port: peer.port, abuse });
  const [program, args] = pinned(LOAD_CORE, [
    ...[process.execPath, here('broker-abuse-load.js'), argument],
  ]);
  await once(spawn(program, args, { stdio: 'inherit' }), 'exit');
  clearInterval(watch);
  const figures = await probe.stop();
  await pause(1000);
  const rssAfter = rssMegabytes(peer.pid);
  await peer.stop();
  return { broker: peer.name, abuse, ...figures, rssBefore, rssPeak, rssAfter };
}

/** Some traffic first: what a program costs while it is compiled is no answer to abuse. */
async function warmUp(port: number): Promise<void> {
  const socket = await client(port);
  const packet = { topic: 'warm/up', payload: 'x', qos: 0, dup: false, retain: false } as const;
  const some = Buffer.concat(
    Array.from({ length: 100 }, () => mqtt.generate({ cmd: 'publish', ...packet })),
  );
  for (let turn = 0; turn < 200; turn++) {
    socket.write(some);
    await pause(5);
  }
  socket.destroy();
}

interface Probe {
  reset(): void;
  stop(): Promise<{ sent: number; arrived: number; p99: number }>;
}

const PROBE_MS = 5;

/** Two clients, a message each 5 ms from one to the other. */
async function startProbe(port: number): Promise<Probe> {
  const [from, to] = [await client(port), await client(port)];
  to.write(
    mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'probe', qos: 0 }] }),
  );
  await once(to, 'data');
  let latencies: number[] = [];
  let sent = 0;
  const parser = mqtt.parser();
  parser.on('packet', (packet) => {
    if (packet.cmd === 'publish')
      latencies.push(performance.now() - Number(packet.payload.toString()));
  });
  to.on('data', (chunk) => parser.parse(chunk));
  const timer = setInterval(() => {
    sent++;
    const payload = String(performance.now());
    from.write(
      mqtt.generate({ cmd: 'publish', topic: 'probe', payload, qos: 0, dup: false, retain: false }),
    );
  }, PROBE_MS);
  return {
    reset: () => {
      latencies = [];
      sent = 0;
    },
    stop: async () => {
      clearInterval(timer);
      await pause(500);
      const figures = { sent, arrived: latencies.length, p99: percentile(latencies, 0.99) };
      from.destroy();
      to.destroy();
      return figures;
    },
  };
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.write(mqtt.generate({ cmd: 'connect', clientId: '', protocolVersion: 4, clean: true }));
  await once(socket, 'data');
  return socket;
}

export function abuseRows(rows: readonly AbuseRow[]): BenchResult['rows'] {
  return rows.map((row) => ({
    ...{ abuse: row.abuse, broker: row.broker, 'p99 ms of others': row.p99 },
    arrived: `${row.arrived} of ${row.sent}`,
    'RSS MB': [row.rssBefore, row.rssPeak, row.rssAfter]
      .map((size) => size.toFixed(0))
      .join(' -> '),
  }));
}
