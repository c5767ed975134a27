/** One end of a thousand idle connections: told by its argument, asked by lines, answers by lines. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { codedTransport } from '#tunnel/coded/endpoint/client.js';
import { listenCoded } from '#tunnel/coded/endpoint/listener.js';
import type { Connection, Identity } from '#tunnel/transport.js';
import { websocketTransport } from '#tunnel/websocket/client.js';
import { listenWebsocket } from '#tunnel/websocket/listener.js';

export interface IdleTask {
  readonly side: 'hub' | 'nodes';
  readonly subject: 'coded' | 'websocket';
  /** Of the hub, or of each node. */
  readonly identities: readonly Identity[];
  /** `host:port` for nodes. */
  readonly hub?: string;
}

/** Bytes of a process after a collection of garbage; CPU since its start, ms. */
export interface IdleAnswer {
  readonly connections: number;
  readonly rss: number;
  readonly heap: number;
  readonly outside: number;
  readonly cpuMs: number;
}

/** Handshakes at once: the hub allows 64 of one host. */
const LANES = 16;
const PORTS = { clock: systemClock, random: systemRandom, log: silentLog };

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
const open = new Set<Connection>();

function keep(connection: Connection): void {
  open.add(connection);
  connection.onMessage(() => undefined);
  connection.onClose(() => open.delete(connection));
}

async function serve({ subject, identities }: IdleTask): Promise<void> {
  const [identity] = identities;
  if (identity === undefined) throw new Error('a hub without an identity');
  const listen = { host: '127.0.0.1', port: 0 };
  const options = { ...PORTS, listen, identity, clientAuthorities: identity.authorities };
  const listener = await (subject === 'coded' ? listenCoded(options) : listenWebsocket(options));
  listener.onConnection(keep);
  say({ address: listener.address });
}

async function dialAll({ subject, identities, hub = '' }: IdleTask): Promise<void> {
  const transport = subject === 'coded' ? codedTransport(PORTS) : websocketTransport(PORTS);
  const left = [...identities];
  const lane = async (): Promise<void> => {
    for (let identity = left.pop(); identity !== undefined; identity = left.pop())
      keep(await transport.connect({ url: `wss://${hub}`, identity }));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  say({ connected: open.size });
}

function answer(): IdleAnswer {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1_000;
  return { connections: open.size, rss, heap: heapUsed, outside: external, cpuMs };
}

createInterface({ input: process.stdin })
  .on('line', () => say(answer()))
  .on('close', () => process.exit(0));
const task = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as IdleTask;
await (task.side === 'hub' ? serve(task) : dialAll(task));
