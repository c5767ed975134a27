/** One end of a measured link as a process: told what to do by its argument, answers by lines. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { SUBJECTS } from './subjects.js';
import {
  monotonic,
  type Heard,
  type Link,
  type Place,
  type SubjectName,
  type Worth,
} from './subject.js';

export type Load =
  | {
      readonly kind: 'messages';
      readonly worth: Worth;
      readonly count: number;
      readonly bytes: number;
      readonly everyMs: number;
      /** The other end sends each back at once. */
      readonly echo?: boolean;
    }
  | {
      readonly kind: 'stream';
      readonly bytes: number;
      readonly seconds: number;
      /** From the end that was dialled to the one that dialled. */
      readonly down?: boolean;
    }
  | { readonly kind: 'connects'; readonly count: number }
  /** Connected, and silent but for a small message every so often (0: not even that). */
  | { readonly kind: 'idle'; readonly seconds: number; readonly everyMs: number };

export interface EndTask {
  readonly side: 'a' | 'b';
  readonly subject: SubjectName;
  readonly place: Place;
  readonly load: Load;
}

/** Of either end, times on the machine's clock in milliseconds. */
export interface EndAnswer {
  /** [message, ms on its way, or there and back]. */
  readonly latencies: readonly (readonly [number, number])[];
  /** [at, bytes so far] of a stream. */
  readonly progress: readonly (readonly [number, number])[];
  readonly closedAt?: number;
  /** Since the start of the measurement; `warm`: of its second half. */
  readonly cpuMs: number;
  readonly warm: {
    readonly cpuMs: number;
    readonly ms: number;
    readonly packetsIn: number;
    readonly packetsOut: number;
  };
  /** What the event loop came too late, ms. */
  readonly loopP99: number;
  readonly loopMax: number;
  /** Bytes that the transport sent per byte that had to be, where it tells. */
  readonly redundancy?: number;
}

/** A's: when it dialled and was connected. */
export interface DialAnswer extends EndAnswer {
  readonly dialledAt: number;
  readonly connectedAt: number;
  readonly connectMs: readonly number[];
}

const MESSAGE_HEADER_BYTES = 12;
const PROGRESS_MS = 5;
const LOOP_MS = 10;

/** Done when the last byte has left: an answer of thousands of messages does not fit into a socket. */
const say = (answer: object): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(answer)}\n`, () => resolve());
  });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;

/** What an end has seen, from `go` on. */
class Record {
  readonly latencies: [number, number][] = [];
  readonly progress: [number, number][] = [];
  readonly #delay = monitorEventLoopDelay({ resolution: LOOP_MS });
  #bytes = 0;
  #closedAt: number | undefined;
  #cpu = 0;
  #warm = { at: 0, cpu: 0, packets: { in: 0, out: 0 } };

  start(): void {
    this.#delay.enable();
    this.#cpu = cpuMs();
    this.#warm = { at: monotonic(), cpu: this.#cpu, packets: packets() };
  }

  /** Compiled and at speed: what costs from now on is what it costs for good. */
  warm(): void {
    this.#warm = { at: monotonic(), cpu: cpuMs(), packets: packets() };
  }

  readonly heard: Heard = {
    message: (message) => {
      if (message.length >= 4 * 1024) return;
      const view = Buffer.from(message.buffer, message.byteOffset, message.length);
      this.latencies.push([view.readUInt32BE(), monotonic() - view.readDoubleBE(4)]);
    },
    bytes: (count) => {
      this.#bytes += count;
      const now = monotonic();
      const last = this.progress.at(-1);
      if (last === undefined || now - last[0] >= PROGRESS_MS)
        this.progress.push([now, this.#bytes]);
      else last[1] = this.#bytes;
    },
    closed: () => (this.#closedAt ??= monotonic()),
  };

  answer(link: Link | undefined): EndAnswer {
    const redundancy = link?.stats()?.redundancy;
    const late = (ns: number): number => Math.max(0, ns / 1e6 - LOOP_MS);
    const now = packets();
    return {
      latencies: this.latencies,
      progress: this.progress,
      cpuMs: cpuMs() - this.#cpu,
      warm: {
        cpuMs: cpuMs() - this.#warm.cpu,
        ms: monotonic() - this.#warm.at,
        packetsIn: now.in - this.#warm.packets.in,
        packetsOut: now.out - this.#warm.packets.out,
      },
      loopP99: late(this.#delay.percentile(99)),
      loopMax: late(this.#delay.max),
      ...(this.#closedAt === undefined ? {} : { closedAt: this.#closedAt }),
      ...(redundancy === undefined ? {} : { redundancy }),
    };
  }

  get closed(): boolean {
    return this.#closedAt !== undefined;
  }
}

/** IP packets that the link's device took and gave, of all programs on this side. */
function packets(): { readonly in: number; readonly out: number } {
  const line = /lk0:(.*)/.exec(readFileSync('/proc/self/net/dev', 'utf8'))?.[1] ?? '';
  const fields = line.trim().split(/\s+/).map(Number);
  return { in: fields[1] ?? 0, out: fields[9] ?? 0 };
}

const lines = createInterface({ input: process.stdin });
const record = new Record();

async function serve({ subject, place, load }: EndTask): Promise<void> {
  const links: Link[] = [];
  const { heard } = record;
  const echo = load.kind === 'messages' && load.echo === true;
  const message = (data: Uint8Array): void =>
    echo ? void links[0]?.send(Buffer.from(data), load.worth) : heard.message(data);
  await SUBJECTS[subject].serve(place, { ...heard, message }, (link) => {
    links.push(link);
    if (load.kind === 'stream' && load.down === true) link.stream(load.bytes);
  });
  const ended = once(lines, 'close');
  await begin(load);
  await ended;
  await say(record.answer(links[0]));
  process.exit(0);
}

/** Once all ends are ready. */
async function begin(load: Load): Promise<void> {
  const go = once(lines, 'line');
  void say({ ready: true });
  await go;
  record.start();
  warmAfter(load);
}

function warmAfter(load: Load): void {
  if (load.kind === 'connects') return;
  const ms = load.kind === 'messages' ? load.count * load.everyMs : load.seconds * 1_000;
  setTimeout(() => record.warm(), ms / 2);
}

async function dial({ subject, place, load }: EndTask): Promise<void> {
  const ended = once(lines, 'close');
  await begin(load);
  const connectMs: number[] = [];
  const dialledAt = monotonic();
  const connect = async (): Promise<Link> => {
    const from = monotonic();
    const link = await SUBJECTS[subject].dial(place, record.heard);
    connectMs.push(monotonic() - from);
    return link;
  };
  const link = await connect();
  const connectedAt = monotonic();
  await carry(link, load, connectedAt, connect);
  await say({ dialledAt, connectedAt, connectMs, ...record.answer(link) });
  await ended;
  process.exit(0);
}

async function carry(
  link: Link,
  load: Load,
  connectedAt: number,
  connect: () => Promise<Link>,
): Promise<void> {
  switch (load.kind) {
    case 'messages':
      for (let index = 0; index < load.count; index++) {
        link.send(numbered(index, load.bytes), load.worth);
        // Several in one turn, when they are due faster than timers fire.
        const early = connectedAt + (index + 1) * load.everyMs - monotonic();
        if (early > 0.5 || index % 16 === 15) await pause(Math.max(0, early));
      }
      if (load.echo === true) await pause(2_000);
      return;
    case 'stream':
      if (load.down !== true) link.stream(load.bytes);
      await pause(load.seconds * 1_000);
      return;
    case 'connects':
      link.close();
      for (let index = 1; index < load.count; index++) {
        (await connect()).close();
        await pause(50);
      }
      return;
    case 'idle':
      for (let index = 0; monotonic() - connectedAt < load.seconds * 1_000; index++) {
        if (load.everyMs > 0 && !record.closed)
          link.send(numbered(index, MESSAGE_HEADER_BYTES), 'asap');
        await pause(load.everyMs > 0 ? load.everyMs : 200);
        if (record.closed) return;
      }
  }
}

function numbered(index: number, bytes: number): Buffer {
  const message = Buffer.alloc(Math.max(bytes, MESSAGE_HEADER_BYTES), index & 0xff);
  message.writeUInt32BE(index);
  message.writeDoubleBE(monotonic(), 4);
  return message;
}

const task = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as EndTask;
await (task.side === 'a' ? dial(task) : serve(task));
