import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import fc from 'fast-check';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom, systemRandom } from '#protocol/random.js';
import { type BackupSite, backupOfStore, checkBackup, restore, writeBackup } from './backup.js';
import { type BackupEvent, type BackupHead, decodeBackup, encodeBackup } from './backup-codec.js';
import { backupVerb, restoreVerb } from './backup-verbs.js';
import { verifyBackup } from './backup-file.js';
import { openFileStorage } from './file-storage.js';
import { lockFolder } from './folder-lock.js';
import { openStore } from './journal-store.js';
import { finishRestore } from './restore.js';
import type { Store } from './store.js';

interface Tables {
  twins: { readonly value: number };
  outbox: { readonly text: string };
}

const test = anyTest as TestFn<{ folder: string; data: string; file: string; site: BackupSite }>;

const HEAD: BackupHead = { program: 'p', software: 'p 1', made: '2026', durable: true };

test.beforeEach(async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-backup-'));
  const data = join(folder, 'data');
  const site: BackupSite = {
    ...{ program: 'edgetwin', software: 'edgetwin', node: 'pi-1', path: data },
    layout: { data: ['history'], identity: ['node.key'] },
    ...{ clock: systemClock, random: systemRandom },
  };
  t.context = { folder, data, file: join(folder, 'b'), site };
});

test.afterEach.always((t) => rm(t.context.folder, { recursive: true, force: true }));

async function openIn(data: string): Promise<Store<Tables>> {
  const options = { clock: systemClock, random: systemRandom, log: silentLog };
  return openStore<Tables>(await openFileStorage(data), {
    ...options,
    journalBytes: 2 * 1024 * 1024,
  });
}

const put = (key: string, value: number) => [{ table: 'twins', key, row: { value } }] as const;

/** A folder with rows, history and a key; what was in it. */
async function fill(data: string, value = 1): Promise<Store<Tables>> {
  const store = await openIn(data);
  await store.commit(put('b', value));
  await store.commit([
    { table: 'twins', key: 'a', row: { value } },
    { table: 'outbox', key: 'é\n', row: { text: '·\u2028'.repeat(50_000) } },
  ]);
  await mkdir(join(data, 'history', 'deep'), { recursive: true });
  await writeFile(join(data, 'history', 'deep', '1.block'), Buffer.alloc(300_000, value));
  await writeFile(join(data, 'history', '2.block.tmp'), 'half made');
  await writeFile(join(data, 'node.key'), `key ${value}`);
  return store;
}

const rowsOf = (store: Store<Tables>) =>
  [[...store.rows('twins')], [...store.rows('outbox')]] as const;

const fromFolder = { live: undefined, withIdentity: false, force: false };

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let nth = 0; at < bytes.length; nth += 1) {
    const size = Math.max(sizes[nth % sizes.length] ?? 1, 1);
    yield bytes.subarray(at, (at += size));
  }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test('what is encoded is decoded, however the bytes come', async (t) => {
  const name = fc.stringMatching(/^[a-z0-9][a-zA-Z0-9._-]{0,8}(\/[a-z0-9]{1,4})?$/);
  const parts = fc.uniqueArray(fc.record({ name, content: fc.uint8Array({ maxLength: 500 }) }), {
    selector: (part) => part.name,
    maxLength: 5,
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(parts, sizes, sizes, async (given, written, read) => {
      const encoded = encodeBackup(
        HEAD,
        given.map((part) => ({ name: part.name, content: () => chunked(part.content, written) })),
      );
      const found: { name: string; content: Uint8Array[] }[] = [];
      for await (const event of decodeBackup(chunked(await bytesOf(encoded), read))) {
        if (event.kind === 'head') t.deepEqual(event.head, HEAD);
        if (event.kind === 'part') found.push({ name: event.name, content: [] });
        if (event.kind === 'data') found.at(-1)?.content.push(event.bytes.slice());
      }
      const whole = found.map((part) => ({ ...part, content: Buffer.concat(part.content) }));
      t.deepEqual(
        whole,
        given.map((part) => ({ ...part, content: Buffer.from(part.content) })),
      );
    }),
    { numRuns: 100 },
  );
});

test('a backup with any bit flipped, cut off anywhere or continued is refused', async (t) => {
  const content = (): AsyncIterable<Uint8Array> => chunked(Buffer.from('["t","k",1]\n'), [5]);
  const bytes = await bytesOf(encodeBackup(HEAD, [{ name: 'store', content }]));
  const codes = new Map<string, number>();
  const refused = async (changed: Uint8Array): Promise<void> => {
    const events: BackupEvent[] = [];
    const read = async (): Promise<void> => {
      for await (const event of decodeBackup(chunked(changed, [64]))) events.push(event);
    };
    const { code } = await t.throwsAsync<EdgeError>(read);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    t.false(events.some((event) => event.kind === 'end') && code === 'EDGE_MALFORMED');
  };
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    await refused(changed);
  }
  for (let length = 0; length < bytes.length; length += 1) await refused(bytes.subarray(0, length));
  await refused(Buffer.concat([bytes, Buffer.from('x')]));
  await refused(Buffer.concat([bytes, bytes]));
  t.deepEqual([...codes.keys()].sort(), ['EDGE_MALFORMED', 'EDGE_STORAGE_CORRUPT']);
});

test('hostile bytes and names are refused, and take no memory', async (t) => {
  const read = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const event of decodeBackup(source)) t.truthy(event);
  };
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
      const magic = Buffer.from('EDGETWIN-BACKUP\n');
      await t.throwsAsync(read(chunked(Buffer.concat([magic, noise]), [7])), {
        instanceOf: EdgeError,
      });
    }),
    { numRuns: 200 },
  );
  for (const name of ['../x', '/x', 'a/../b', '.x', 'a/b/c/d/e', 'a//b', '', 'é', 'a\0b']) {
    const parts = [{ name, content: () => chunked(Buffer.from('x'), [1]) }];
    await t.throwsAsync(bytesOf(encodeBackup(HEAD, parts)), { code: 'EDGE_INTERNAL' }, name);
  }
  const foreign = [
    { name: 'store', content: () => chunked(new Uint8Array(0), [1]) },
    { name: 'restore.json', content: () => chunked(Buffer.from('{}'), [1]) },
  ];
  const { file, site } = t.context;
  await writeFile(file, encodeBackup({ ...HEAD, program: 'edgetwin', node: 'pi-1' }, foreign));
  await t.throwsAsync(checkBackup(site, file), {
    code: 'EDGE_STORAGE_CORRUPT',
    message: /restore\.json/,
  });
});

test('a folder comes back as it was, and what stood there is kept', async (t) => {
  const { data, file, site } = t.context;
  const store = await fill(data);
  const rows = rowsOf(store);
  await store.close();
  const report = await writeBackup(site, file, fromFolder);
  t.like(report, { parts: 2, durable: true, withIdentity: false, damage: [] });
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.is((await stat(file)).size, report.bytes);
  await t.throwsAsync(writeBackup(site, file, fromFolder), { code: 'EDGE_CONFLICT' });
  await writeBackup(site, file, { ...fromFolder, force: true });
  t.deepEqual((await readdir(t.context.folder)).sort(), ['b', 'data']);

  await rm(join(data, 'history', 'deep'), { recursive: true });
  const later = await fill(data, 2);
  await later.commit(put('c', 3));
  await later.close();
  await writeFile(join(data, 'other'), 'stays');
  const content = await checkBackup(site, file);
  const { aside } = await restore(site, file, content);
  const again = await openIn(data);
  t.deepEqual(rowsOf(again), rows, 'in their order');
  t.deepEqual(again.stats().damage, []);
  await again.commit(put('d', 4));
  await again.close();
  t.deepEqual(await readFile(join(data, 'history/deep/1.block')), Buffer.alloc(300_000, 1));
  t.is(await readFile(join(data, 'node.key'), 'utf8'), 'key 2', 'no key in it: the present stays');
  t.is(await readFile(join(data, 'other'), 'utf8'), 'stays');
  t.false((await readdir(data)).includes('restore.json'));

  const old = join(t.context.folder, 'old');
  await cp(join(data, aside), old, { recursive: true });
  const before = await openIn(old);
  t.is(before.get('twins', 'c')?.value, 3);
  await before.close();
  t.deepEqual(await readFile(join(old, 'history/deep/1.block')), Buffer.alloc(300_000, 2));
});

test('keys are in it when they are asked for, and replace the present ones', async (t) => {
  const { data, file, site, folder } = t.context;
  await (await fill(data)).close();
  await writeBackup(site, file, { ...fromFolder, withIdentity: true });
  await writeFile(join(data, 'node.key'), 'another');
  const { aside } = await restore(site, file, await checkBackup(site, file));
  t.is(await readFile(join(data, 'node.key'), 'utf8'), 'key 1');
  t.is((await stat(join(data, 'node.key'))).mode & 0o777, 0o600);
  t.is(await readFile(join(data, aside, 'node.key'), 'utf8'), 'another');

  const fresh = { ...site, path: join(folder, 'new-machine') };
  await restore(fresh, file, await checkBackup(fresh, file));
  t.is(await readFile(join(fresh.path, 'node.key'), 'utf8'), 'key 1');
});

test('a running program’s backup is of one moment, whatever is committed meanwhile', async (t) => {
  const { data, file, site } = t.context;
  const store = await openIn(data);
  for (let nth = 0; nth < 20_000; nth += 1) void store.commit(put(`k${nth}`, 0));
  await store.commit([]);
  const head = { program: 'edgetwin', software: 'edgetwin 1', node: 'pi-1', made: '2026' };
  const busy = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of backupOfStore(store, head)) {
      for (let nth = 0; nth < 100; nth += 1) void store.commit(put(`k${nth * 7}`, 1));
      yield chunk;
    }
  };
  const lock = await lockFolder(data);
  await writeBackup(site, file, { ...fromFolder, live: busy() });
  const { head: found, tables } = await verifyBackup(file);
  t.deepEqual(found, { ...head, durable: true });
  t.is(tables.size, 20_000);
  t.true(
    [...tables.table('twins').values()].every((row) => (row as { value: number }).value === 0),
  );
  const content = await checkBackup(site, file);
  const before = await readdir(data);
  const locked = await t.throwsAsync<EdgeError>(restore(site, file, content));
  t.is(locked.code, 'EDGE_LOCKED');
  t.deepEqual(await readdir(data), before, 'nothing changed');
  await lock.release();
  await store.close();
});

test('a backup of a program or node of another name is refused, and dry runs change nothing', async (t) => {
  const { data, file, site } = t.context;
  await (await fill(data)).close();
  await writeBackup(site, file, fromFolder);
  const before = await readdir(data);
  const { program } = await checkBackup(site, file).then(({ head }) => head);
  t.is(program, 'edgetwin');
  await t.throwsAsync(checkBackup({ ...site, node: 'pi-2' }, file), { code: 'EDGE_CONFLICT' });
  await t.throwsAsync(checkBackup({ ...site, program: 'edgetwin-hub' }, file), {
    code: 'EDGE_CONFLICT',
  });
  const words = { file, json: true, dryRun: true };
  const { out } = await restoreVerb(site, words);
  t.like(JSON.parse(out), { rows: 3, files: 1, dryRun: true, node: 'pi-1' });
  t.deepEqual(await readdir(data), before);
  const lock = await lockFolder(data);
  await t.throwsAsync(restoreVerb(site, words), { code: 'EDGE_LOCKED' });
  await lock.release();
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, -1));
  const damaged = await t.throwsAsync<EdgeError>(restoreVerb(site, { ...words, dryRun: false }));
  t.is(damaged.code, 'EDGE_STORAGE_CORRUPT');
  t.deepEqual(await readdir(data), before);
});

test('a control file of a killed program does not keep its folder from being backed up', async (t) => {
  const { data, file, site } = t.context;
  await (await fill(data)).close();
  const live = (async function* (): AsyncGenerator<Uint8Array> {
    throw new EdgeError('EDGE_NOT_RUNNING', 'nobody there');
  })();
  const { out } = await backupVerb(site, { file, json: false }, { ...fromFolder, live });
  t.regex(out, /^wrote .*: \d+ bytes in 2 parts\n$/);
  const none = { ...site, path: join(t.context.folder, 'none') };
  await mkdir(none.path);
  await t.throwsAsync(writeBackup(none, `${file}2`, fromFolder), { code: 'EDGE_CONFLICT' });
});

test('a restore that was cut off is completed by the next start, wherever it was cut', async (t) => {
  const { data, file, site, folder } = t.context;
  await (await fill(data)).close();
  await writeBackup(site, file, { ...fromFolder, withIdentity: true });
  await rm(join(data, 'history'), { recursive: true });
  await (await fill(data, 2)).close();
  const present = join(folder, 'present');
  await cp(data, present, { recursive: true });
  const plan = await restore(site, file, await checkBackup(site, file));
  const expected = await readdir(data);
  const random = seededRandom(3);
  const steps = [...plan.move.map((_, nth) => ['move', nth]), ['move', plan.move.length]];
  for (const [step, done] of [...steps, ...plan.place.map((_, nth) => ['place', nth])]) {
    const cut = join(folder, `cut-${step ?? ''}-${done ?? ''}`);
    await cp(present, cut, { recursive: true });
    await mkdir(join(cut, plan.aside));
    await cp(data, join(cut, 'restore-new'), { recursive: true });
    for (const name of await readdir(join(cut, 'restore-new')))
      if (!plan.place.includes(name)) await rm(join(cut, 'restore-new', name), { recursive: true });
    const shuffled = <T>(names: readonly T[]): T[] => names.toSorted(() => random.unit() - 0.5);
    const moved = step === 'move' ? shuffled(plan.move).slice(0, Number(done)) : plan.move;
    for (const name of moved) await rename(join(cut, name), join(cut, plan.aside, name));
    if (step === 'place')
      for (const name of shuffled(plan.place).slice(0, Number(done)))
        await rename(join(cut, 'restore-new', name), join(cut, name));
    await writeFile(join(cut, 'restore.json'), JSON.stringify({ ...plan, step }));

    await finishRestore(cut, systemRandom);
    t.deepEqual((await readdir(cut)).sort(), expected.sort(), `${step ?? ''} ${done ?? ''}`);
    const store = await openIn(cut);
    t.is(store.get('twins', 'a')?.value, 1);
    await store.close();
    t.is(await readFile(join(cut, 'node.key'), 'utf8'), 'key 1');
    t.is(await readFile(join(cut, plan.aside, 'node.key'), 'utf8'), 'key 2');
  }
});
