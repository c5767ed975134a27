import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TestAuthority } from '#tunnel/test-authority.js';
import {
  EmulatedLink,
  type Congestion,
  type LinkCounts,
  type Side,
} from '../../linkem/emulated-link.js';
import { pause } from '../process-figures.js';
import type { DialAnswer, EndAnswer, EndTask, Load } from './end.js';
import type { SubjectName } from './subject.js';

/** One pair of ends over a link, which it may share with others. */
export interface Flow {
  readonly subject: SubjectName;
  /** TCP's, of the end that dials. */
  readonly congestion?: Congestion;
  readonly load: Load;
  /** Seconds after the cell's start. */
  readonly startSeconds?: number;
  /** As it ships: silence ends a connection that is not the tunnel's as well. */
  readonly impatient?: boolean;
}

/** One link and who uses it. */
export interface Cell {
  readonly flows: readonly Flow[];
  /** Settings of both directions; `changes` from the start on. */
  readonly link: string;
  readonly changes?: readonly string[];
  /** Seconds from the start on at which A gets another address. */
  readonly moves?: readonly number[];
  readonly seed: number;
  /** Seconds until it is given up, and how long late messages are waited for. */
  readonly seconds: number;
  readonly graceSeconds?: number;
  /** Seconds after which queues count. */
  readonly settleSeconds?: number;
}

export interface FlowOutcome {
  readonly dial: DialAnswer | undefined;
  readonly serve: EndAnswer;
}

export interface Outcome {
  readonly flows: readonly FlowOutcome[];
  readonly counts: LinkCounts;
  /** When the link's time began, on the clock of the ends. */
  readonly zeroAt: number;
}

const PORT = 7_443;
const BROKER_PORT = 1_883;
const BROKER_START_MS = 700;
const READY_SECONDS = 30;
const APART_MS = 500;
const FIRST_MOVED_HOST = 20;
const END = fileURLToPath(new URL('end.js', import.meta.url));
/** Both ends before all else on a busy machine: scheduling would show as delay. */
const REAL_TIME = ['chrt', '-r', '5'];

const authority = new TestAuthority();

/**
 * All at once, each on its link. Nobody starts before all are ready, for starting costs CPU, and
 * then one link a little after the other: ends that run in step compile the same code in the same
 * moment, a second and ten seconds later, and stall each other for 80 ms on two cores.
 */
export async function measureAll(cells: readonly Cell[]): Promise<readonly Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tunnel-bench-'));
  const rigs: Rig[] = [];
  try {
    for (const [index, cell] of cells.entries())
      rigs.push(await Rig.open(cell, join(folder, `${index}`)));
    await Promise.all(rigs.map((rig) => rig.ready()));
    await pause(100);
    const late = async (rig: Rig, index: number): Promise<Outcome> => {
      await pause(index * APART_MS);
      return rig.run();
    };
    return await Promise.all(rigs.map(late));
  } finally {
    await Promise.all(rigs.map((rig) => rig.close()));
    rmSync(folder, { recursive: true });
  }
}

/** A link with all its ends. */
class Rig {
  readonly #cell: Cell;
  readonly #link: EmulatedLink;
  readonly #files: string;
  #pairs: readonly { readonly a: End; readonly b: End; readonly flow: Flow }[] = [];
  #counts: Promise<LinkCounts> | undefined;

  private constructor(cell: Cell, link: EmulatedLink, files: string) {
    this.#cell = cell;
    this.#link = link;
    this.#files = files;
  }

  static async open(cell: Cell, files: string): Promise<Rig> {
    const { link: both, changes, seed } = cell;
    const link = await EmulatedLink.open({ both, seed, ...(changes && { changes }) });
    return new Rig(cell, link, files);
  }

  async ready(): Promise<void> {
    const { flows } = this.#cell;
    if (flows.some(({ subject }) => subject === 'mqtt')) await this.#startBroker();
    const bs = flows.map((flow, index) => this.#end('b', flow, index));
    await Promise.all(bs.map((end) => end.line(READY_SECONDS)));
    const as = flows.map((flow, index) => this.#end('a', flow, index));
    await Promise.all(as.map((end) => end.line(READY_SECONDS)));
    this.#pairs = flows.flatMap((flow, index) => {
      const [a, b] = [as[index], bs[index]];
      return a === undefined || b === undefined ? [] : [{ a, b, flow }];
    });
  }

  async run(): Promise<Outcome> {
    const { seconds, graceSeconds = 0, settleSeconds = 0, moves = [] } = this.#cell;
    this.#link.zero();
    const zeroAt = Number(process.hrtime.bigint()) / 1e6;
    const timers = [
      setTimeout(() => this.#link.settled(), settleSeconds * 1_000),
      ...moves.map((at, index) =>
        setTimeout(() => this.#link.moveA(FIRST_MOVED_HOST + index), at * 1_000),
      ),
    ];
    const dials = await Promise.all(
      this.#pairs.map(async ({ a, b, flow }) => {
        b.say('go');
        await pause((flow.startSeconds ?? 0) * 1_000);
        a.say('go');
        return a.line(seconds);
      }),
    );
    for (const timer of timers) clearTimeout(timer);
    await pause(graceSeconds * 1_000);
    const flows = await Promise.all(
      this.#pairs.map(async ({ a, b, flow }, index) => {
        a.finish();
        b.finish();
        const serve = await b.line(READY_SECONDS);
        if (serve === undefined) throw new Error(`${flow.subject}: the dialled end said nothing`);
        const dial = dials[index] as DialAnswer | undefined;
        return { dial, serve: serve as EndAnswer };
      }),
    );
    return { flows, counts: await this.#close(), zeroAt };
  }

  async close(): Promise<void> {
    await this.#close().catch(() => undefined);
  }

  #close(): Promise<LinkCounts> {
    this.#counts ??= this.#link.close();
    return this.#counts;
  }

  #end(side: Side, flow: Flow, index: number): End {
    const { subject, congestion, load, impatient = false } = flow;
    const link = this.#link;
    const host = congestion === undefined ? link.address('b') : link.addressFor(congestion);
    const place = {
      host,
      port: subject === 'mqtt' ? BROKER_PORT : PORT + index,
      identity: side === 'a' ? authority.node(`gateway-${index}`) : authority.hub(host),
      authorities: [authority.certificate],
      patient: !impatient,
    };
    const file = `${this.#files}-${index}${side}.json`;
    writeFileSync(file, JSON.stringify({ side, subject, place, load } satisfies EndTask));
    return new End(link, side, file);
  }

  async #startBroker(): Promise<void> {
    const config = `${this.#files}-mosquitto.conf`;
    const settings = [`listener ${BROKER_PORT} 0.0.0.0`, 'allow_anonymous true', 'user root'];
    writeFileSync(config, [...settings, 'set_tcp_nodelay true', ''].join('\n'));
    this.#link.spawn('b', [...REAL_TIME, 'mosquitto', '-c', config], { stdio: 'ignore' });
    await pause(BROKER_START_MS);
  }
}

class End {
  readonly #child: ChildProcess;
  readonly #said: string[] = [];
  #heard: (() => void) | undefined;

  constructor(link: EmulatedLink, side: Side, file: string) {
    this.#child = link.spawn(side, [...REAL_TIME, process.execPath, END, file], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (this.#child.stdout === null) throw new Error('no stdout');
    this.#child.stdin?.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#said.push(line);
      this.#heard?.();
    });
  }

  /** What it says next; undefined: nothing in time. */
  async line(seconds: number): Promise<object | undefined> {
    if (this.#said.length === 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        timer = setTimeout(resolve, seconds * 1_000);
      });
      clearTimeout(timer);
    }
    const line = this.#said.shift();
    return line === undefined ? undefined : (JSON.parse(line) as object);
  }

  say(word: string): void {
    this.#child.stdin?.write(`${word}\n`);
  }

  finish(): void {
    this.#child.stdin?.end();
  }
}
