import { crc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from '#protocol/errors.js';
import { seededRandom } from '#protocol/random.js';
import { CrashModel, randomPuts, settleStorage, stateOf } from './crash-model.js';
import { MemoryStorage } from './memory-storage.js';
import { Disk } from './power-cut.js';
import { readRecord } from './record.js';
import { decodeSegmentHeader } from './segment-header.js';

type Files = ReadonlyMap<string, Buffer>;

interface Written {
  readonly files: Files;
  /** The state after each commit; the first is the empty one. */
  readonly states: readonly string[];
}

/** A folder after `commits` transactions, each synced on its own. */
async function written(commits: number): Promise<Written> {
  const random = seededRandom(commits);
  const model = new CrashModel();
  const storage = new MemoryStorage();
  const store = await model.open(storage, 1);
  for (let nth = 0; nth < commits; nth += 1) await model.commit(store, randomPuts(random));
  await settleStorage(storage);
  const files = new Map<string, Buffer>();
  for (const name of await storage.list()) {
    files.set(name, Buffer.from((await storage.read(name)) ?? []));
  }
  return { files, states: model.states };
}

function withFile(files: Files, name: string, bytes: Uint8Array | undefined): MemoryStorage {
  const disk = new Disk();
  for (const [other, content] of files) if (other !== name) disk.putDurable(other, content);
  if (bytes !== undefined) disk.putDurable(name, bytes);
  return new MemoryStorage(disk);
}

function flipped(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = (copy[offset] ?? 0) ^ (1 << (offset % 8));
  return copy;
}

/** The state after opening, or the code of the error. */
async function opened(storage: MemoryStorage): Promise<string> {
  try {
    return stateOf(await new CrashModel().open(storage, 9));
  } catch (thrown) {
    if (thrown instanceof EdgeError) return thrown.code;
    throw thrown;
  }
}

const newest = (files: Files, prefix: string): string =>
  [...files.keys()].filter((name) => name.startsWith(prefix)).at(-1) ?? '';

/** Ends of the records of a segment that was never the newest of an earlier life. */
function recordEnds(segment: Buffer, number: number): number[] {
  let chain = decodeSegmentHeader(segment, number)?.chain ?? 0;
  const ends = [1024];
  for (;;) {
    const record = readRecord(segment, ends.at(-1) ?? 0, chain);
    if (typeof record === 'string') return ends;
    ends.push(record.end);
    ({ chain } = record);
  }
}

test('a flip of any bit of the last 4 KiB of records costs that record and later ones at most', async (t) => {
  const { files, states } = await written(150);
  const name = newest(files, 'journal-000');
  const segment = files.get(name) ?? Buffer.alloc(0);
  const ends = recordEnds(segment, Number(name.slice(-10)));
  const end = ends.at(-1) ?? 0;
  t.true(end > 4096);
  let undetected = 0;
  for (let offset = Math.max(end - 4096, 1024); offset < end; offset += 1) {
    const whole = ends.filter((recordEnd) => recordEnd <= offset).length;
    const expected = states[states.length - 1 - (ends.length - whole)];
    const found = await opened(withFile(files, name, flipped(segment, offset)));
    if (found !== expected) undetected += 1;
  }
  t.is(undetected, 0);
});

test('a journal cut off at any byte of its last 4 KiB keeps every record before the cut', async (t) => {
  const { files, states } = await written(150);
  const name = newest(files, 'journal-000');
  const segment = files.get(name) ?? Buffer.alloc(0);
  const ends = recordEnds(segment, Number(name.slice(-10)));
  const end = ends.at(-1) ?? 0;
  let wrong = 0;
  for (let length = Math.max(end - 4096, 1024); length <= end; length += 1) {
    const whole = ends.filter((recordEnd) => recordEnd <= length).length;
    const expected = states[states.length - 1 - (ends.length - whole)];
    const found = await opened(withFile(files, name, segment.subarray(0, length)));
    // A snapshot may point behind the cut: then rows it does not hold are known to be missing.
    if (found !== expected && found !== 'EDGE_STORAGE_CORRUPT') wrong += 1;
  }
  t.is(wrong, 0);
});

test('one damaged snapshot costs nothing', async (t) => {
  const { files, states } = await written(300);
  const name = newest(files, 'snapshot-');
  const snapshot = files.get(name) ?? Buffer.alloc(0);
  t.true([...files.keys()].filter((other) => other.startsWith('snapshot-')).length === 2);
  let lost = 0;
  for (let offset = 0; offset < snapshot.length; offset += 1) {
    const found = await opened(withFile(files, name, flipped(snapshot, offset)));
    if (found !== states.at(-1)) lost += 1;
  }
  for (let length = 0; length < snapshot.length; length += 7) {
    const found = await opened(withFile(files, name, snapshot.subarray(0, length)));
    if (found !== states.at(-1)) lost += 1;
  }
  t.is(lost, 0);
});

test('a flip of any bit of a segment’s header costs nothing', async (t) => {
  const { files, states } = await written(150);
  const name = newest(files, 'journal-000');
  const segment = files.get(name) ?? Buffer.alloc(0);
  for (let offset = 0; offset < 1024; offset += 1) {
    const found = await opened(withFile(files, name, flipped(segment, offset)));
    if (found !== states.at(-1)) t.fail(`byte ${offset}: ${found.slice(0, 40)}`);
  }
  t.pass();
});

test('a flip in the middle of the journal is an error, not a gap', async (t) => {
  const { files, states } = await written(300);
  const segments = [...files.keys()].filter((name) => name.startsWith('journal-000'));
  const name = segments.at(-2) ?? '';
  const segment = files.get(name) ?? Buffer.alloc(0);
  const ends = recordEnds(segment, Number(name.slice(-10)));
  // Without the newest snapshot the whole segment is needed.
  const older = new Map(files);
  older.delete(newest(files, 'snapshot-'));
  t.is(await opened(withFile(older, '', undefined)), states.at(-1) ?? '');
  const middle = ends[Math.floor(ends.length / 2)] ?? 0;
  const found = await opened(withFile(older, name, flipped(segment, middle + 9)));
  t.is(found, 'EDGE_STORAGE_CORRUPT');
});

test('missing files are an error with a hint, never an empty store', async (t) => {
  const { files, states } = await written(200);
  for (const name of files.keys()) {
    const found = await opened(withFile(files, name, undefined));
    t.true(found === 'EDGE_STORAGE_CORRUPT' || found === states.at(-1), name);
  }
  const noSnapshots = new Map([...files].filter(([name]) => !name.startsWith('snapshot-')));
  t.is(await opened(withFile(noSnapshots, '', undefined)), 'EDGE_STORAGE_CORRUPT');
  const noJournal = new Map([...files].filter(([name]) => !name.startsWith('journal-')));
  t.is(await opened(withFile(noJournal, '', undefined)), 'EDGE_STORAGE_CORRUPT');
});

test('files of another format version are an error and stay as they are', async (t) => {
  const { files } = await written(150);
  const journal = newest(files, 'journal-000');
  const segment = Buffer.from(files.get(journal) ?? []);
  for (const start of [0, 512]) {
    segment.writeUInt32LE(2, start + 8);
    segment.writeUInt32LE(crc32(segment.subarray(start, start + 60)), start + 60);
  }
  const newer = withFile(files, journal, segment);
  t.is(await opened(newer), 'EDGE_UNSUPPORTED');
  t.deepEqual(Buffer.from((await newer.read(journal)) ?? []), segment);

  const name = newest(files, 'snapshot-');
  const lines = (files.get(name) ?? Buffer.alloc(0)).toString().split('\n').slice(0, -2);
  const content = `${lines.join('\n').replace('"version":1', '"version":2')}\n`;
  const last = JSON.stringify({ rows: lines.length - 1, crc: crc32(content) });
  const snapshot = Buffer.from(`${content}${last}\n`);
  t.is(await opened(withFile(files, name, snapshot)), 'EDGE_UNSUPPORTED');
});

test('hostile bytes in any file never do more than be refused', async (t) => {
  const { files } = await written(20);
  const names = [...files.keys()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.array(fc.record({ at: fc.nat(), bytes: fc.uint8Array({ maxLength: 64 }) }), {
        maxLength: 8,
      }),
      async (name, edits) => {
        const bytes = Buffer.from(files.get(name) ?? []);
        for (const edit of edits) bytes.set(edit.bytes.subarray(0, 1), edit.at % bytes.length);
        await opened(withFile(files, name, bytes));
        await opened(withFile(files, name, edits[0]?.bytes ?? new Uint8Array(0)));
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});
