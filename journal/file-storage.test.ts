import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom, systemRandom } from '#protocol/random.js';
import { openFileStorage } from './file-storage.js';
import { openStore } from './journal-store.js';
import { storageError } from './storage-error.js';

interface Tables {
  twins: { readonly value: number };
}

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'edgetwin-storage-'));
const options = { clock: systemClock, random: systemRandom, log: silentLog };

test('files and folders are for their owner only', async (t) => {
  const path = join(await folder(), 'a', 'b');
  const storage = await openFileStorage(path);
  const file = await storage.open('journal-1');
  await file.write(0, Buffer.from('abc'));
  await file.sync();
  await file.close();
  t.is((await stat(path)).mode & 0o777, 0o700);
  t.is((await stat(join(path, 'journal-1'))).mode & 0o777, 0o600);
  await rm(path, { recursive: true });
});

test('writes, renames and removals are seen', async (t) => {
  const path = await folder();
  const storage = await openFileStorage(path);
  const file = await storage.open('x');
  await file.write(4, Buffer.from('late'));
  await file.write(0, Buffer.from('soon'));
  t.is(await file.size(), 8);
  await file.close();
  await storage.rename('x', 'y');
  await storage.syncFolder();
  t.deepEqual(await storage.list(), ['y']);
  t.is(Buffer.from((await storage.read('y')) ?? []).toString(), 'soonlate');
  t.is(await storage.read('x'), undefined);
  await storage.remove('y');
  await storage.remove('y');
  t.deepEqual(await storage.list(), []);
  await rm(path, { recursive: true });
});

test('names that could leave the folder are refused, links are not followed', async (t) => {
  const path = await folder();
  const storage = await openFileStorage(path);
  for (const name of ['../x', 'a/b', '.', '..', '', '.hidden', 'A', 'x'.repeat(65), 'a\0b']) {
    await t.throwsAsync(storage.open(name), { code: 'EDGE_INTERNAL' }, name);
    await t.throwsAsync(storage.read(name), { code: 'EDGE_INTERNAL' }, name);
    await t.throwsAsync(storage.remove(name), { code: 'EDGE_INTERNAL' }, name);
  }
  await writeFile(join(path, 'target'), 'keep');
  await symlink(join(path, 'target'), join(path, 'link'));
  await t.throwsAsync(storage.open('link'), { code: 'EDGE_STORAGE' });
  await rm(path, { recursive: true });
});

test('errors of the system carry a cause and a hint', async (t) => {
  const path = await folder();
  await writeFile(join(path, 'file'), '');
  const error = await t.throwsAsync<EdgeError>(openFileStorage(join(path, 'file')));
  t.is(error.code, 'EDGE_STORAGE');
  t.truthy(error.cause);
  const storage = await openFileStorage(path);
  await mkdir(join(path, 'journal'));
  await t.throwsAsync(storage.open('journal'), { code: 'EDGE_STORAGE', message: /EISDIR/ });
  await t.throwsAsync(storage.rename('none', 'other'), { message: /ENOENT/ });
  await rm(path, { recursive: true });
});

test('what a full device answers becomes EDGE_STORAGE with a hint to free space', async (t) => {
  const full = await open('/dev/full', 'w').catch(() => undefined);
  if (full === undefined) {
    t.log('skipped: needs /dev/full');
    t.pass();
    return;
  }
  const thrown: unknown = await full.write(Buffer.from('x')).catch((error: unknown) => error);
  await full.close();
  const error = storageError('write', 'journal', thrown);
  t.is(error.code, 'EDGE_STORAGE');
  t.regex(error.message, /ENOSPC/);
  t.regex(error.hint ?? '', /free some space/);
});

const PROGRAM = `
  const [storage, store, clock, random, log] = await Promise.all(
    ['./file-storage.js', './journal-store.js', '../protocol/clock.js', '../protocol/random.js',
      '../protocol/log.js'].map((name) => import(new URL(name, process.argv[1]).href)));
  const opened = await store.openStore(await storage.openFileStorage(process.argv[2]), {
    clock: clock.systemClock, random: random.systemRandom, log: log.silentLog,
    journalBytes: 64 * 1024,
  });
  let next = Number(process.argv[3]);
  const one = async () => {
    for (;;) {
      const value = next++;
      const key = 'k' + (value % 50);
      await opened.commit([{ table: 'twins', key, row: { value, pad: 'x'.repeat(value % 400) } },
        { table: 'twins', key: 'newest', row: { value } }]);
      console.log(value);
    }
  };
  for (let writer = 0; writer < 8; writer++) void one();
`;

test('kill -9 amid commits loses none that was acknowledged', async (t) => {
  const path = await folder();
  const random = seededRandom(7);
  let next = 0;
  let kills = 0;
  for (; kills < 12; kills += 1) {
    const arguments_ = ['--input-type=module', '-e', PROGRAM, import.meta.url, path, String(next)];
    const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    let acknowledged = -1;
    let lines = 0;
    const killAfter = 1 + Math.floor(random.unit() * 600);
    const exited = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Math.max(acknowledged, Number(line));
      if (++lines === killAfter) child.kill('SIGKILL');
    }
    await exited;
    const store = await openStore<Tables>(await openFileStorage(path), {
      ...options,
      journalBytes: 64 * 1024,
    });
    const newest = store.get('twins', 'newest')?.value ?? -1;
    t.true(newest >= acknowledged, `acknowledged ${acknowledged}, found ${newest}`);
    for (let value = newest; value > Math.max(newest - 50, -1); value -= 1) {
      t.is(store.get('twins', `k${value % 50}`)?.value, value);
    }
    next = newest + 1;
    await store.close();
  }
  t.true(next > kills * 10, `only ${next} commits`);
  t.log(`${next} commits, ${kills} kills`);
  await rm(path, { recursive: true });
});

test('a real folder keeps what is committed over many segments', async (t) => {
  const path = await folder();
  const first = await openStore<Tables>(await openFileStorage(path), {
    ...options,
    journalBytes: 16 * 1024,
  });
  // As many as it takes until a snapshot has let the first segment go, on a slow disk too.
  let value = 0;
  for (; value < 2_000 || first.stats().snapshots < 5; value += 1) {
    const durable = first.commit([{ table: 'twins', key: `k${value % 97}`, row: { value } }]);
    if (value % 20 === 0) await durable;
  }
  await first.close();
  const second = await openStore<Tables>(await openFileStorage(path), options);
  t.is(second.rows('twins').size, 97);
  t.is(second.get('twins', `k${(value - 1) % 97}`)?.value, value - 1);
  await second.close();
  t.true((await readFile(join(path, 'journal-0000000001')).catch(() => undefined)) === undefined);
  await rm(path, { recursive: true });
});
