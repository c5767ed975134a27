import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileStorage } from '#journal/file-storage.js';
import { openStore } from '#journal/journal-store.js';
import { WriteMeter } from '#journal/write-meter.js';
import { sleep, systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import type { BenchResult } from './table.js';
import { twinRow } from './store-load.js';

/** The peer appends to a growing file and calls fdatasync, on the same machine in the same run. */
type JournalBenchRow = {
  readonly load: string;
  readonly store: 'edgetwin' | 'edgetwin, 20 ms window' | 'append + fdatasync';
  readonly commitsPerSecond: number;
  /** Milliseconds from commit to durable. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly commitsPerSync: number;
  readonly bytesPerCommit: number;
  /** Blocks of 4 KiB of file content; a growing file adds blocks of metadata, not counted here. */
  readonly blocksPerSync: number;
  readonly flashBytesPerCommit: number;
  readonly cpuMicrosPerCommit: number;
};

interface Subject {
  commit(key: string, row: object): Promise<void>;
  counts(): { bytes: number; blocks: number; syncs: number };
  close(): Promise<void>;
}

interface Load {
  readonly name: string;
  readonly commits: number;
  /** Undefined: each of so many writers commits again as soon as its last commit is durable. */
  readonly perSecond?: number;
  readonly writers?: number;
}

const KEYS = 1_000;
const LOADS: readonly Load[] = [
  { name: 'one writer', commits: 500, writers: 1 },
  { name: '50 writers', commits: 20_000, writers: 50 },
  { name: '500 writers', commits: 60_000, writers: 500 },
  { name: '500 per second', commits: 3_000, perSecond: 500 },
];

export async function run(): Promise<readonly BenchResult[]> {
  const rows: JournalBenchRow[] = [];
  for (const load of LOADS) {
    rows.push(await measure(load, 'edgetwin', (path) => journal(path, 0)));
    if (load.perSecond !== undefined) {
      rows.push(await measure(load, 'edgetwin, 20 ms window', (path) => journal(path, 20)));
    }
    rows.push(await measure(load, 'append + fdatasync', append));
  }
  return [
    {
      title: 'The journal beside a plain append with fdatasync that shares its syncs alike',
      rows,
      notes: [
        'flashBytesPerCommit counts blocks of 4 KiB of file content per sync. The appended file',
        'also grows at each sync, which costs the file system blocks of its own, not counted.',
      ],
    },
  ];
}

async function journal(path: string, windowMs: number): Promise<Subject> {
  const options = { clock: systemClock, random: systemRandom, log: silentLog, windowMs };
  const store = await openStore<{ twins: object }>(await openFileStorage(path), options);
  return {
    commit: (key, row) => store.commit([{ table: 'twins', key, row }]),
    counts: () => {
      const { bytesWritten: bytes, blocksWritten: blocks, syncs } = store.stats();
      return { bytes, blocks, syncs };
    },
    close: () => store.close(),
  };
}

/** What one would write without a journal of one's own, with the same sharing of syncs. */
async function append(path: string): Promise<Subject> {
  const meter = new WriteMeter();
  const file = await meter.over(await openFileStorage(path)).open('append');
  let offset = 0;
  let waiting: string[] = [];
  let next: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await last.catch(() => undefined);
    const bytes = Buffer.from(waiting.join(''));
    waiting = [];
    next = undefined;
    await file.write(offset, bytes);
    offset += bytes.length;
    await file.sync();
  };
  return {
    commit: (key, row) => {
      waiting.push(`${JSON.stringify([['twins', key, row]])}\n`);
      if (next === undefined) last = next = flush();
      return next;
    },
    counts: () => ({ bytes: meter.bytes, blocks: meter.blocks, syncs: meter.syncs }),
    close: () => file.close(),
  };
}

async function measure(
  load: Load,
  store: JournalBenchRow['store'],
  open: (path: string) => Promise<Subject>,
): Promise<JournalBenchRow> {
  const path = await mkdtemp(join(tmpdir(), 'edgetwin-bench-'));
  const subject = await open(path);
  const before = subject.counts();
  const cpu = process.cpuUsage();
  const startMs = systemClock.now();
  const tookMs =
    load.perSecond === undefined ? await closed(load, subject) : await paced(load, subject);
  const seconds = (systemClock.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const after = subject.counts();
  await subject.close();
  await rm(path, { recursive: true });
  const syncs = after.syncs - before.syncs;
  const blocks = after.blocks - before.blocks;
  tookMs.sort((a, b) => a - b);
  return {
    load: load.name,
    store,
    commitsPerSecond: Math.round(load.commits / seconds),
    p50Ms: rounded(tookMs[Math.floor(tookMs.length / 2)] ?? 0),
    p99Ms: rounded(tookMs[Math.floor(tookMs.length * 0.99)] ?? 0),
    commitsPerSync: rounded(load.commits / syncs),
    bytesPerCommit: Math.round((after.bytes - before.bytes) / load.commits),
    blocksPerSync: rounded(blocks / syncs),
    flashBytesPerCommit: Math.round((blocks * 4096) / load.commits),
    cpuMicrosPerCommit: rounded((user + system) / load.commits),
  };
}

/** Writers that wait for each other's syncs only. */
async function closed(load: Load, subject: Subject): Promise<number[]> {
  const tookMs: number[] = [];
  let nth = 0;
  const write = async (): Promise<void> => {
    while (nth < load.commits) tookMs.push(await timed(subject, nth++));
  };
  await Promise.all(Array.from({ length: load.writers ?? 1 }, write));
  return tookMs;
}

async function paced(load: Load, subject: Subject): Promise<number[]> {
  const startMs = systemClock.now();
  const under: Promise<number>[] = [];
  while (under.length < load.commits) {
    const due = ((systemClock.now() - startMs) / 1_000) * (load.perSecond ?? 0);
    while (under.length < Math.min(due, load.commits)) under.push(timed(subject, under.length));
    await sleep(systemClock, 'bench-pace', 1);
  }
  return Promise.all(under);
}

async function timed(subject: Subject, nth: number): Promise<number> {
  const startMs = systemClock.now();
  await subject.commit(`meter-${nth % KEYS}/power`, twinRow(nth));
  return systemClock.now() - startMs;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
