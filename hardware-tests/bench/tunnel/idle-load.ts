import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TestAuthority } from '#tunnel/test-authority.js';
import { pause } from '../process-figures.js';
import { medianOf } from './figures.js';
import type { IdleAnswer, IdleTask } from './idle-end.js';
import type { PartResult, Plan } from './plan.js';

const END = fileURLToPath(new URL('idle-end.js', import.meta.url));
const CONNECTIONS = 1_000;
/** Loads and compiles what a connection needs, before memory is counted. */
const FIRST = 20;
/** Long enough for keep-alives, and for what a handshake leaves behind to go. */
const SETTLE_MS = 12_000;
const IDLE_MS = 10_000;

interface Cost {
  readonly rss: number;
  /** Of each in the second half: what the first one has grown for good is not in it. */
  readonly further: number;
  readonly heap: number;
  readonly outside: number;
  /** Share of a core for all of them. */
  readonly cpu: number;
  readonly connections: number;
  readonly seconds: number;
  /** The hub's milliseconds of CPU for each that connects. */
  readonly handshakeMs: number;
}

/** Line 7: what real idle connections cost one endpoint, beside WebSocket. */
export async function connections(plan: Plan): Promise<PartResult> {
  const count = plan.size.quick ? 100 : CONNECTIONS;
  const authority = new TestAuthority();
  const nodes = Array.from({ length: FIRST + count }, (_, index) =>
    authority.node(`node-${index}`),
  );
  const rows: PartResult['tables'][number]['rows'][number][] = [];
  for (const subject of ['coded', 'websocket'] as const) {
    const costs: Cost[] = [];
    for (const seed of plan.size.seeds.slice(0, SEEDS_MAX)) {
      plan.say(`${count} of ${subject}, run ${seed}`);
      costs.push(await costOf(subject, authority, nodes, plan.size.quick));
    }
    const kilobytes = (figure: (cost: Cost) => number): number => medianOf(costs, figure) / 1024;
    rows.push({
      with: subject === 'coded' ? 'coded' : 'ws TLS',
      connections: medianOf(costs, (cost) => cost.connections),
      'RSS KiB each': kilobytes((cost) => cost.rss),
      'each of the second half': kilobytes((cost) => cost.further),
      'JS heap KiB each': kilobytes((cost) => cost.heap),
      'buffers KiB each': kilobytes((cost) => cost.outside),
      'idle CPU % of a core': 100 * medianOf(costs, (cost) => cost.cpu),
      'CPU ms of a handshake': medianOf(costs, (cost) => cost.handshakeMs),
      'connecting s': medianOf(costs, (cost) => cost.seconds),
    });
  }
  return {
    tables: [
      {
        title: `${count} idle connections on one endpoint, real sockets, each with a certificate of its own: memory of the hub's process`,
        rows,
        notes: [
          `After ${FIRST} others and a collection of garbage, ${SETTLE_MS / 1_000} s after the last had connected. Medians of ${Math.min(plan.size.seeds.length, SEEDS_MAX)} runs.`,
        ],
      },
    ],
  };
}

/** Memory does not scatter with seeds. */
const SEEDS_MAX = 3;

async function costOf(
  subject: IdleTask['subject'],
  authority: TestAuthority,
  nodes: readonly ReturnType<TestAuthority['node']>[],
  quick: boolean,
): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'tunnel-idle-'));
  const ends: End[] = [];
  const start = (task: IdleTask): End => {
    const file = join(folder, `${ends.length}.json`);
    writeFileSync(file, JSON.stringify(task));
    const end = new End(file);
    ends.push(end);
    return end;
  };
  try {
    const hub = start({ side: 'hub', subject, identities: [authority.hub('127.0.0.1')] });
    const { address } = (await hub.line()) as { address: string };
    const dial = (identities: typeof nodes): Promise<object> =>
      start({ side: 'nodes', subject, identities, hub: address }).line();
    await dial(nodes.slice(0, FIRST));
    await pause(quick ? 1_000 : 5_000);
    const before = await hub.ask();
    const from = performance.now();
    const half = FIRST + Math.floor((nodes.length - FIRST) / 2);
    await dial(nodes.slice(FIRST, half));
    const between = await hub.ask();
    await dial(nodes.slice(half));
    const seconds = (performance.now() - from) / 1_000;
    const connected = await hub.ask();
    await pause(quick ? 2_000 : SETTLE_MS);
    const settled = await hub.ask();
    await pause(quick ? 1_000 : IDLE_MS);
    const after = await hub.ask();
    const more = after.connections - before.connections;
    return {
      connections: more,
      seconds,
      handshakeMs: (connected.cpuMs - before.cpuMs) / more,
      rss: (after.rss - before.rss) / more,
      further: (after.rss - between.rss) / (after.connections - between.connections),
      heap: (after.heap - before.heap) / more,
      outside: (after.outside - before.outside) / more,
      cpu: (after.cpuMs - settled.cpuMs) / (quick ? 1_000 : IDLE_MS),
    };
  } finally {
    for (const end of ends) await end.stop();
    rmSync(folder, { recursive: true });
  }
}

class End {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(file: string) {
    this.#child = spawn(process.execPath, ['--expose-gc', END, file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.#child.stdout === null) throw new Error('no stdout');
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  async line(): Promise<object> {
    const gone = once(this.#child, 'exit').then(() => {
      throw new Error('an end with idle connections has gone');
    });
    const line = once(this.#lines, 'line').then(([text]) => JSON.parse(text as string) as object);
    return Promise.race([line, gone]);
  }

  async ask(): Promise<IdleAnswer> {
    const line = this.line();
    this.#child.stdin?.write('memory\n');
    return (await line) as IdleAnswer;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
