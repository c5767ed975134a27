import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Volume } from '../volume.js';
import type { StoreLoad } from './store-load.js';
import type { StoreAnswer, StoreTask } from './store-process.js';
import { EACH, SUBJECTS, type SubjectKind } from './store-subjects.js';
import type { BenchOptions, BenchResult } from './table.js';

/** What a load is held to, in the figures of a row. */
interface Budget {
  readonly text: string;
  readonly perSecond?: number;
  readonly p99Ms?: number;
  readonly deviceBytes?: number;
}

const BUDGETS: Readonly<Record<string, Budget>> = {
  'one writer': { text: '<= 4500 B', deviceBytes: 4_500 },
  '50 writers': { text: '>= 5000/s', perSecond: 5_000 },
  '500 per second': { text: 'p99 <= 20 ms, <= 600 B', p99Ms: 20, deviceBytes: 600 },
};

const PROCESS = fileURLToPath(new URL('./store-process.js', import.meta.url));
const MEGABYTES = 512;
/** What a gateway of 1,000 devices with ten properties opens. */
const ROWS = 10_000;

function loadsOf(quick: boolean): readonly StoreLoad[] {
  const share = quick ? 10 : 1;
  return [
    { name: 'one writer', updates: 3_000 / share, writers: 1 },
    { name: '50 writers', updates: 20_000 / share, writers: 50 },
    { name: '500 per second', updates: 10_000 / share, perSecond: 500 },
  ];
}

/** The choice of the store: the journal beside SQLite, on an ext4 whose device counts its writes. */
export async function run(options: BenchOptions): Promise<readonly BenchResult[]> {
  const peers = options.peers ?? '';
  const notes: string[] = [];
  const subjects = SUBJECTS.filter(({ needs }) => {
    if (needs === undefined || existsSync(join(peers, 'node_modules', needs, 'package.json')))
      return true;
    const note = `skipped: ${needs}; npm install --no-save --prefix DIR ${needs}, then --peers DIR or EDGETWIN_BENCH_PEERS=DIR`;
    if (!notes.includes(note)) notes.push(note);
    return false;
  });
  const place = await Place.make();
  if (!place.counts)
    notes.push('no mounts here: bytes by the device are unknown, the disk is that of /tmp');
  try {
    const written: Row[] = [];
    for (const load of loadsOf(options.quick === true))
      for (const subject of subjects.filter(({ name }) => isTold(load, name)))
        written.push(await writing(place, subject, load, peers));
    const opened: Row[] = [];
    for (const subject of subjects.filter(({ variant }) => variant !== true))
      opened.push(await opening(place, subject, peers));
    return [
      {
        title: 'store: durable twin updates of about 200 bytes of JSON, 1,000 keys',
        rows: written,
        notes: [
          'device B: what the loop device under ext4 was written, metadata included',
          'RSS includes Node itself, about 40 MB; p99 of paced updates counts from when each was due',
          ...notes,
        ],
      },
      {
        title: `store: opening ${ROWS} rows into memory, and a question in SQL`,
        rows: opened,
        notes: ['edgetwin answers SQL from a copy in a worker thread that starts with the first'],
      },
    ];
  } finally {
    await place.remove();
  }
}

type Row = BenchResult['rows'][number];

/** Fifty writers that do not share their syncs show nothing that one does not. */
function isTold({ writers = 1 }: StoreLoad, subject: string): boolean {
  return writers === 1 || !subject.endsWith(EACH);
}

async function writing(
  place: Place,
  subject: SubjectKind,
  wanted: StoreLoad,
  peers: string,
): Promise<Row> {
  const share = subject.slow === true ? 10 : 1;
  const load = { ...wanted, updates: Math.ceil(wanted.updates / share) };
  const task: StoreTask = {
    ...{ subject: subject.name, folder: await place.empty(), peers },
    work: { kind: 'load', load },
  };
  let before = 0;
  const answer = await child(task, () => (before = place.writtenBytes()));
  const { seconds = 0, p50Ms = 0, p99Ms = 0, cpuMs, rssMb, peakMb } = answer;
  const bytes = (place.writtenBytes() - before) / load.updates;
  const perSecond = load.updates / seconds;
  const budget: Budget = BUDGETS[load.name] ?? { text: '' };
  const met =
    perSecond >= (budget.perSecond ?? 0) &&
    p99Ms <= (budget.p99Ms ?? Infinity) &&
    bytes <= (budget.deviceBytes ?? Infinity);
  return {
    load: load.name,
    store: subject.name,
    'updates/s': Math.round(perSecond),
    'p50 ms': p50Ms,
    'p99 ms': p99Ms,
    'device B/update': place.counts ? Math.round(bytes) : 'unknown',
    budget: budget.text,
    met: met ? (place.counts ? 'yes' : 'but for bytes') : 'no',
    'CPU us/update': Math.round((cpuMs * 1000) / load.updates),
    'RSS MB': Math.round(rssMb),
    'peak MB': Math.round(peakMb),
  };
}

async function opening(place: Place, { name, slow }: SubjectKind, peers: string): Promise<Row> {
  const folder = await place.empty();
  const rows = slow === true ? ROWS / 100 : ROWS;
  const task = { subject: name, folder, peers };
  await child({ ...task, work: { kind: 'fill', rows } });
  const answer = await child({ ...task, work: { kind: 'open' } });
  if (answer.rows !== rows) throw new Error(`${name} has ${answer.rows} rows of ${rows}`);
  return {
    store: name,
    rows,
    'open ms': answer.openMs,
    'RSS MB': Math.round(answer.rssMb),
    'peak MB': Math.round(answer.peakMb),
    'first answer ms': answer.firstAnswerMs ?? 0,
    'second answer ms': answer.secondAnswerMs ?? 0,
  };
}

async function child(task: StoreTask, ready?: () => void): Promise<StoreAnswer> {
  const process = fork(PROCESS, [JSON.stringify(task)], { execArgv: ['--max-semi-space-size=1'] });
  const exited = once(process, 'exit');
  await once(process, 'message');
  ready?.();
  process.send('go');
  const [answer] = (await Promise.race([
    once(process, 'message'),
    exited.then(() => {
      throw new Error(`${task.subject} ended without an answer`);
    }),
  ])) as [StoreAnswer];
  await exited;
  return answer;
}

/** Where the stores are: a volume whose device counts, or a folder. */
class Place {
  readonly #volume: Volume | undefined;
  readonly #folder: string;

  private constructor(volume: Volume | undefined, folder: string) {
    this.#volume = volume;
    this.#folder = folder;
  }

  static async make(): Promise<Place> {
    try {
      const volume = Volume.make(MEGABYTES);
      return new Place(volume, volume.path);
    } catch {
      return new Place(undefined, await mkdtemp(join(tmpdir(), 'edgetwin-bench-')));
    }
  }

  get counts(): boolean {
    return this.#volume !== undefined;
  }

  writtenBytes(): number {
    return this.#volume?.writtenBytes() ?? 0;
  }

  async empty(): Promise<string> {
    const folder = join(this.#folder, 'store');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    return folder;
  }

  async remove(): Promise<void> {
    if (this.#volume === undefined) await rm(this.#folder, { recursive: true });
    else this.#volume.remove();
  }
}
