/** One end of a measured link as a process: told what to do by its argument, answers by a line. */
import { readFileSync } from 'node:fs';
import { SUBJECTS } from './subjects.js';
import { monotonic, type Dialled, type Place, type SubjectName, type Worth } from './subject.js';

export type Load =
  | {
      readonly kind: 'messages';
      readonly worth: Worth;
      readonly count: number;
      readonly bytes: number;
      readonly everyMs: number;
    }
  | { readonly kind: 'stream'; readonly bytes: number; readonly seconds: number }
  | { readonly kind: 'connects'; readonly count: number };

export interface EndTask {
  readonly side: 'a' | 'b';
  readonly subject: SubjectName;
  readonly place: Place;
  readonly load: Load;
}

/** A's: when it dialled and was connected, and the IP bytes that its link counted since then. */
export interface DialAnswer {
  readonly dialledAt: number;
  readonly connectedAt: number;
  readonly connectMs: readonly number[];
  readonly linkBytes: number;
  readonly cpuMs: number;
}

/** B's: [message, ms on its way], and [at, bytes so far] of a stream. */
export interface ServeAnswer {
  readonly latencies: readonly (readonly [number, number])[];
  readonly progress: readonly (readonly [number, number])[];
  readonly cpuMs: number;
}

const MESSAGE_HEADER_BYTES = 12;
const PROGRESS_MS = 20;

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;

/** Bytes of IP packets sent and received by the link's device. */
function linkBytes(): number {
  const line = /lk0:(.*)/.exec(readFileSync('/proc/self/net/dev', 'utf8'))?.[1] ?? '';
  const fields = line.trim().split(/\s+/).map(Number);
  return fields[8] ?? 0;
}

async function serve({ subject, place }: EndTask): Promise<void> {
  const latencies: [number, number][] = [];
  const progress: [number, number][] = [];
  let bytes = 0;
  await SUBJECTS[subject].serve(place, {
    message: (message) => {
      if (message.length >= 4 * 1024) return;
      const view = Buffer.from(message.buffer, message.byteOffset, message.length);
      latencies.push([view.readUInt32BE(), monotonic() - view.readDoubleBE(4)]);
    },
    bytes: (count) => {
      bytes += count;
      const now = monotonic();
      const last = progress.at(-1);
      if (last === undefined || now - last[0] >= PROGRESS_MS) progress.push([now, bytes]);
      else last[1] = bytes;
    },
  });
  say({ ready: true });
  process.stdin.resume().on('end', () => {
    say({ latencies, progress, cpuMs: cpuMs(), linkBytes: linkBytes() });
    process.exit(0);
  });
}

async function dial({ subject, place, load }: EndTask): Promise<void> {
  const connectMs: number[] = [];
  const dialledAt = monotonic();
  const connect = async (): Promise<Dialled> => {
    const from = monotonic();
    const link = await SUBJECTS[subject].dial(place);
    connectMs.push(monotonic() - from);
    return link;
  };
  const link = await connect();
  const connectedAt = monotonic();
  if (load.kind === 'messages') {
    for (let index = 0; index < load.count; index++) {
      const message = Buffer.alloc(Math.max(load.bytes, MESSAGE_HEADER_BYTES), index & 0xff);
      message.writeUInt32BE(index);
      message.writeDoubleBE(monotonic(), 4);
      link.send(message, load.worth);
      await pause(Math.max(0, connectedAt + (index + 1) * load.everyMs - monotonic()));
    }
  } else if (load.kind === 'stream') {
    link.stream(load.bytes);
    await pause(load.seconds * 1_000);
  } else {
    link.close();
    for (let index = 1; index < load.count; index++) {
      (await connect()).close();
      await pause(50);
    }
  }
  say({ dialledAt, connectedAt, connectMs, linkBytes: linkBytes(), cpuMs: cpuMs() });
  process.stdin.resume().on('end', () => process.exit(0));
}

const task = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as EndTask;
await (task.side === 'a' ? dial(task) : serve(task));
