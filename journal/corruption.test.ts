import { crc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '#protocol/random.js';
import { CrashModel, randomPuts, settleStorage, stateOf } from './crash-model.js';
import {
  filesOf,
  newestOf,
  openedOf,
  transactionsOf,
  withFile,
  writtenFolder,
} from './damage-model.js';
import { cutOff, flipFile, flipRecords } from './damage-trials.js';
import { JOURNAL_LIMITS } from './limits.js';
import { MemoryStorage } from './memory-storage.js';

const stateAfter = async (storage: MemoryStorage): Promise<string> =>
  (await openedOf(storage)).state;

// corruption.long.test.ts does all of them.
const STRIDE = 5;

test('a flipped bit in the last 4 KiB of records is turned back, said and set aside', async (t) => {
  const bitsOf = (offset: number): number[] => (offset % STRIDE === 0 ? [(offset >> 2) % 8] : []);
  const { tried, wrong } = await flipRecords(await writtenFolder(150), bitsOf);
  t.deepEqual(wrong, []);
  t.true(tried > 800);
});

test('a journal cut off in its last 4 KiB keeps every record before the cut, and says so', async (t) => {
  const { tried, wrong } = await cutOff(await writtenFolder(150), STRIDE);
  t.deepEqual(wrong, []);
  t.true(tried > 800);
});

test('a flip in a snapshot or in a segment’s header costs nothing', async (t) => {
  const folder = await writtenFolder(300);
  const bitsOf = (offset: number): number[] =>
    offset % (4 * STRIDE) === 0 ? [(offset >> 2) % 8] : [];
  t.deepEqual((await flipFile(folder, newestOf(folder.files, 'snapshot-'), bitsOf)).wrong, []);
  const headerBits = (offset: number): number[] => (offset < 1024 ? bitsOf(offset) : []);
  t.deepEqual(
    (await flipFile(folder, newestOf(folder.files, 'journal-000'), headerBits)).wrong,
    [],
  );
});

for (const closed of [false, true]) {
  const end = closed ? 'an orderly end' : 'a kill';
  test(`16 bytes of noise anywhere in the last 4 KiB after ${end} cost the records behind them, and nothing in silence`, async (t) => {
    const { files, states } = await writtenFolder(150, closed);
    const name = newestOf(files, 'journal-000');
    const segment = files.get(name) ?? Buffer.alloc(0);
    const { places, end: last } = transactionsOf(segment, Number(name.slice(-10)));
    const random = seededRandom(16);
    let lost = 0;
    for (let offset = last - 4096; offset < last; offset += 16) {
      const noisy = Buffer.from(segment);
      noisy.set(random.bytes(16), offset);
      const found = await openedOf(withFile(files, name, noisy));
      const whole = places.filter((place) => place.end <= offset).length;
      const least = states.length - 1 - (places.length - whole);
      const index = states.lastIndexOf(found.state);
      t.true(index >= least, `byte ${offset}: ${index} of at least ${least}`);
      if (index === states.length - 1) continue;
      lost += 1;
      // Only damage up to the last group looks like a write that never ended: of a closed store
      // that group holds no rows.
      const lastGroup = closed ? (places.at(-1)?.end ?? 0) : (places.at(-1)?.start ?? 0) - 12;
      const mayBeTorn = offset + 16 > lastGroup;
      t.true(found.damage.length > 0 || (mayBeTorn && found.tornTail), `byte ${offset} in silence`);
    }
    t.true(lost > 200);
  });
}

test('damage is said for as long as its copy stands, and copies are few', async (t) => {
  const { files, states } = await writtenFolder(150, true);
  const name = newestOf(files, 'journal-000');
  const segment = Buffer.from(files.get(name) ?? []);
  const copy = `damaged-${name}`;
  const { places } = transactionsOf(segment, Number(name.slice(-10)));
  const middle = places[places.length >> 1]?.start ?? 0;
  segment.fill(0xff, middle, middle + 64);
  const first = await openedOf(withFile(files, name, segment));
  t.is(first.state, states[states.length - 1 - (places.length >> 1) - (places.length % 2)] ?? '');
  t.is(first.damage[0]?.file, copy);
  t.regex(first.damage[0]?.message ?? '', /more follows that was durable; everything behind byte/);
  await settleStorage(first.storage);
  t.deepEqual(Buffer.from((await first.storage.read(copy)) ?? []), segment);

  const many = new Map(await filesOf(first.storage));

  const again = await openedOf(first.storage.kill());
  t.deepEqual(again.damage, first.damage, 'still said by the next life');
  t.is(again.state, first.state);
  await again.storage.remove(copy);
  t.deepEqual((await openedOf(again.storage.kill())).damage, [], 'gone with the copy');

  for (let nth = 1; nth <= 9; nth += 1) many.set(`damaged-journal-000000000${nth}`, segment);
  const snapshot = newestOf(many, 'snapshot-');
  const more = await openedOf(withFile(many, snapshot, Buffer.from('x')));
  await settleStorage(more.storage);
  const names = (await more.storage.list()).filter((other) => other.startsWith('damaged-'));
  t.is(names.length, JOURNAL_LIMITS.damagedFiles);
  t.true(names.includes(`damaged-${snapshot}`));
});

test('a damaged folder that cannot be written opens in alarm, and is set aside when it can', async (t) => {
  const { files } = await writtenFolder(150, true);
  const name = newestOf(files, 'journal-000');
  const segment = Buffer.from(files.get(name) ?? []);
  const { places } = transactionsOf(segment, Number(name.slice(-10)));
  segment.fill(0, places.at(-9)?.start, places.at(-8)?.start);
  const storage = withFile(files, name, segment);
  storage.fail({ nth: 1, fault: 'EROFS', sticky: true });
  const model = new CrashModel();
  const store = await model.open(storage, 3);
  t.truthy(store.stats().alarm);
  t.is(store.stats().damage.length, 1);
  const state = stateOf(store);
  storage.heal();
  while (store.stats().alarm !== undefined) {
    model.clock.advance(1_000);
    await settleStorage(storage);
  }
  t.true((await storage.list()).includes(`damaged-${name}`));
  t.is(await stateAfter(storage.crash(seededRandom(1))), state);
});

test('what follows a loss is a chain of its own that bears new commits', async (t) => {
  const { files } = await writtenFolder(300, true);
  const name = [...files.keys()].filter((other) => other.startsWith('journal-000')).at(-2) ?? '';
  const segment = Buffer.from(files.get(name) ?? []);
  segment.fill(0xff, 4096, 4096 + 512);
  const older = new Map(files);
  older.delete(newestOf(files, 'snapshot-'));
  const storage = withFile(older, name, segment);
  const model = new CrashModel();
  const store = await model.open(storage, 3);
  const random = seededRandom(4);
  for (let nth = 0; nth < 100; nth += 1) await model.commit(store, randomPuts(random));
  const state = stateOf(store);
  const later = await openedOf(storage.crash(random));
  t.is(later.state, state);
  t.is(later.damage[0]?.file, `damaged-${name}`);
});

test('missing files are an error with a hint, never an empty store', async (t) => {
  const { files, states } = await writtenFolder(200);
  for (const name of files.keys()) {
    const found = await stateAfter(withFile(files, name, undefined));
    t.true(found === 'EDGE_STORAGE_CORRUPT' || found === states.at(-1), name);
  }
  const noSnapshots = new Map([...files].filter(([name]) => !name.startsWith('snapshot-')));
  t.is(await stateAfter(withFile(noSnapshots, '', undefined)), 'EDGE_STORAGE_CORRUPT');
  const noJournal = new Map([...files].filter(([name]) => !name.startsWith('journal-')));
  t.is(await stateAfter(withFile(noJournal, '', undefined)), 'EDGE_STORAGE_CORRUPT');
});

test('files of another format version are an error and stay as they are', async (t) => {
  const { files } = await writtenFolder(150);
  const journal = newestOf(files, 'journal-000');
  const segment = Buffer.from(files.get(journal) ?? []);
  for (const start of [0, 512]) {
    segment.writeUInt32LE(2, start + 8);
    segment.writeUInt32LE(crc32(segment.subarray(start, start + 60)), start + 60);
  }
  const newer = withFile(files, journal, segment);
  t.is(await stateAfter(newer), 'EDGE_UNSUPPORTED');
  t.deepEqual(Buffer.from((await newer.read(journal)) ?? []), segment);

  const name = newestOf(files, 'snapshot-');
  const lines = (files.get(name) ?? Buffer.alloc(0)).toString().split('\n').slice(0, -2);
  const content = `${lines.join('\n').replace('"version":1', '"version":2')}\n`;
  const last = JSON.stringify({ rows: lines.length - 1, crc: crc32(content) });
  const snapshot = Buffer.from(`${content}${last}\n`);
  t.is(await stateAfter(withFile(files, name, snapshot)), 'EDGE_UNSUPPORTED');
});

test('hostile bytes in any file never do more than be refused', async (t) => {
  const { files } = await writtenFolder(20);
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
        await stateAfter(withFile(files, name, bytes));
        await stateAfter(withFile(files, name, edits[0]?.bytes ?? new Uint8Array(0)));
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});
