import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TestAuthority } from '#tunnel/test-authority.js';
import { EmulatedLink, type LinkCounts, type Side } from '../../linkem/emulated-link.js';
import type { DialAnswer, EndTask, Load, ServeAnswer } from './end.js';
import type { SubjectName } from './subject.js';

/** One measurement: what is sent, by whom, over what link. */
export interface Run {
  readonly subject: SubjectName;
  readonly congestion?: 'cubic' | 'bbr';
  readonly load: Load;
  /** Settings of both directions. */
  readonly link: string;
  readonly seed: number;
  /** Seconds until it is given up, and how long late messages are waited for. */
  readonly seconds: number;
  readonly graceSeconds: number;
  /** Seconds after which queues count. */
  readonly settleSeconds?: number;
}

export interface Outcome {
  readonly dial: DialAnswer | undefined;
  readonly serve: ServeAnswer;
  readonly counts: LinkCounts;
}

const PORT = 7_443;
const BROKER_PORT = 1_883;
const END = fileURLToPath(new URL('end.js', import.meta.url));
/** Both ends before all else on a busy machine: scheduling would show as delay. */
const REAL_TIME = ['chrt', '-r', '5'];

const authority = new TestAuthority();

export async function measure(run: Run): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'tunnel-bench-'));
  const link = await EmulatedLink.open({
    both: run.link,
    seed: run.seed,
    ...(run.congestion === undefined ? {} : { congestion: run.congestion }),
  });
  try {
    const port = run.subject === 'mqtt' ? BROKER_PORT : PORT;
    if (run.subject === 'mqtt') await startBroker(link, folder);
    const host = link.address('b');
    const end = (side: Side): End => {
      const identity = side === 'a' ? authority.node('gateway') : authority.hub(host);
      const place = { host, port, identity, authorities: [authority.certificate] };
      const task: EndTask = { side, subject: run.subject, place, load: run.load };
      const file = join(folder, `${side}.json`);
      writeFileSync(file, JSON.stringify(task));
      return new End(link, side, file);
    };
    const b = end('b');
    await b.line(20);
    link.zero();
    const a = end('a');
    const settle = setTimeout(() => link.settled(), (run.settleSeconds ?? 0) * 1_000);
    const dial = await a.line(run.seconds);
    clearTimeout(settle);
    await new Promise((resolve) => setTimeout(resolve, run.graceSeconds * 1_000));
    a.finish();
    b.finish();
    const serve = await b.line(20);
    if (serve === undefined) throw new Error(`${run.subject}: the listening end said nothing`);
    const counts = await link.close();
    return { dial: dial as DialAnswer | undefined, serve: serve as ServeAnswer, counts };
  } catch (error) {
    await link.close().catch(() => undefined);
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

class End {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(link: EmulatedLink, side: Side, file: string) {
    this.#child = link.spawn(side, [...REAL_TIME, process.execPath, END, file], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (this.#child.stdout === null) throw new Error('no stdout');
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  /** What it says next; undefined: nothing in time. */
  async line(seconds: number): Promise<object | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), seconds * 1_000);
    try {
      const [text] = (await once(this.#lines, 'line', { signal: late.signal })) as [string];
      return JSON.parse(text) as object;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  finish(): void {
    this.#child.stdin?.end();
  }
}

async function startBroker(link: EmulatedLink, folder: string): Promise<void> {
  const config = join(folder, 'mosquitto.conf');
  const settings = [`listener ${BROKER_PORT} 0.0.0.0`, 'allow_anonymous true', 'user root'];
  writeFileSync(config, [...settings, 'set_tcp_nodelay true', ''].join('\n'));
  link.spawn('b', [...REAL_TIME, 'mosquitto', '-c', config], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 700));
}
