import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { openFileStorage } from './file-storage.js';
import { lockFolder } from './folder-lock.js';

const LOCK_MODULE = new URL('./folder-lock.js', import.meta.url).href;
const PROGRAM = `
  const { lockFolder } = await import(${JSON.stringify(LOCK_MODULE)});
  await lockFolder(process.argv[1]);
  console.log('locked');
  setInterval(() => undefined, 1000);
`;

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'edgetwin-lock-'));
}

test('a second process is refused by the first one’s pid, and takes over when that is killed', async (t) => {
  const path = await folder();
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, path]);
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const error = await t.throwsAsync<EdgeError>(lockFolder(path));
  t.is(error.code, 'EDGE_LOCKED');
  t.regex(error.message, new RegExp(`process ${child.pid ?? 0} `));
  t.is((await readdir(path)).length, 1, 'the refused process leaves nothing behind');

  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockFolder(path);
  t.is((await readdir(path)).length, 1, 'the lock of the dead process is gone');
  await lock.release();
  await lock.release();
  t.deepEqual(await readdir(path), []);
  await rm(path, { recursive: true });
});

test('locks of an earlier boot and of an earlier process with this pid are taken over', async (t) => {
  const path = await folder();
  await writeFile(join(path, `lock.${process.ppid}.1.0123456789abcdef`), '');
  const first = await lockFolder(path);
  const [name = ''] = await readdir(path);
  await first.release();
  const [, , , boot = ''] = name.split('.');
  await writeFile(join(path, `lock.${process.ppid}.1.${boot}`), '');
  const second = await lockFolder(path);
  t.deepEqual(await readdir(path), [name]);
  await second.release();
  await rm(path, { recursive: true });
});

test('one process cannot lock a folder twice, and other files do not matter', async (t) => {
  const path = await folder();
  await writeFile(join(path, 'lock.x'), '');
  await writeFile(join(path, 'journal-0000000001'), '');
  const lock = await lockFolder(path);
  const error = await t.throwsAsync<EdgeError>(lockFolder(path));
  t.is(error.code, 'EDGE_LOCKED');
  await lock.release();
  await (await lockFolder(path)).release();
  t.deepEqual((await readdir(path)).sort(), ['journal-0000000001', 'lock.x']);
  await rm(path, { recursive: true });
});

test('nothing is written in a folder that lost our lock: another one was mounted over it', async (t) => {
  const path = await folder();
  const lock = await lockFolder(path);
  const storage = lock.guard(await openFileStorage(path));
  const [name = ''] = await readdir(path);
  await (await storage.open('a')).close();
  await rm(join(path, name));
  const acts = [() => storage.open('b'), () => storage.rename('a', 'b'), () => storage.remove('a')];
  for (const act of acts) {
    const error = await t.throwsAsync<EdgeError>(act());
    t.is(error.code, 'EDGE_STORAGE');
  }
  t.deepEqual(await storage.list(), ['a']);
  await writeFile(join(path, name), '');
  await storage.remove('a');
  await lock.release();
  t.deepEqual(await readdir(path), []);
  await rm(path, { recursive: true });
});

test('a folder that is missing is EDGE_STORAGE', async (t) => {
  const error = await t.throwsAsync<EdgeError>(lockFolder(join(tmpdir(), 'edgetwin-none', 'x')));
  t.is(error.code, 'EDGE_STORAGE');
});

/** A read-only mount of `path`, where this user may mount. */
async function mountReadOnly(path: string, readOnly: boolean): Promise<boolean> {
  const how = readOnly ? ['-o', 'remount,ro', path] : ['-o', 'remount,rw', path];
  return runs('mount', how);
}

async function runs(program: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const [code] = (await once(child, 'exit').catch(() => [1])) as [number | null];
  return code === 0;
}

test('a folder that is read-only for now is not locked and not written, until it can be', async (t) => {
  const path = await folder();
  if (!(await runs('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', path]))) {
    t.log('skipped: needs the right to mount');
    t.pass();
    return;
  }
  t.teardown(async () => {
    await runs('umount', [path]);
    await rm(path, { recursive: true });
  });
  t.true(await mountReadOnly(path, true));
  const [first, second] = [await lockFolder(path), await lockFolder(path)];
  const files = await openFileStorage(path);
  const [one, other] = [first.guard(files), second.guard(files)];
  await t.throwsAsync(one.open('a'), { code: 'EDGE_STORAGE', message: /EROFS/ });
  t.deepEqual(await one.list(), []);

  t.true(await mountReadOnly(path, false));
  await (await one.open('a')).close();
  t.is((await one.list()).length, 2, 'the lock and the file');
  await t.throwsAsync(other.open('b'), { code: 'EDGE_LOCKED' }, 'the other one came too late');
  await t.throwsAsync(other.rename('a', 'b'), { code: 'EDGE_LOCKED' });

  t.true(await mountReadOnly(path, true));
  await t.throwsAsync(lockFolder(path), { code: 'EDGE_LOCKED' }, 'a lock that stands counts');
  t.true(await mountReadOnly(path, false));
  await first.release();
  await (await other.open('b')).close();
  await second.release();
  t.deepEqual(await one.list(), ['a', 'b']);
});
