import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { lockFolder } from '#journal/folder-lock.js';
import { openFileStorage } from '#journal/file-storage.js';
import { openStore } from '#journal/journal-store.js';
import { writePrivateFile } from '#journal/private-file.js';
import { systemClock } from '#protocol/clock.js';
import { commandName } from '#protocol/command-line/command.js';
import { runCommandLine } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { EDGETWIN } from './commands.js';
import { VERBS } from './verbs.js';

const SITE = 'foreign.txt';

/** A data folder as a gateway leaves it, and what was in the middle of being written. */
async function gateway(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-reset-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'gateway.yaml'), 'node: pi-1\ndataDir: data\n');
  const data = join(folder, 'data');
  await mkdir(join(data, 'history'), { recursive: true });
  const ports = { clock: systemClock, random: systemRandom, log: silentLog };
  const store = await openStore(await openFileStorage(data), ports);
  await store.close();
  for (const name of ['node.key', 'node.crt', 'ca.crt', 'hub.json', 'control.json'])
    await writePrivateFile(join(data, name), 'x', systemRandom);
  for (const name of [
    'node.key.next',
    'hub.json.0123456789abcdef.tmp',
    'damaged-journal-0000000001',
  ])
    await writeFile(join(data, name), 'x');
  await writeFile(join(data, 'history', 'journal-0000000001'), 'x');
  await mkdir(join(data, 'before-restore-1'));
  await writeFile(join(data, 'before-restore-1', 'node.key'), 'x');
  return folder;
}

async function run(folder: string, ...words: string[]) {
  let [out, err] = ['', ''];
  const terminal = {
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
    signal: new AbortController().signal,
  };
  const dispatch = (command: (typeof EDGETWIN.commands)[number]) => {
    const handler = VERBS[commandName(command)];
    if (handler === undefined) throw new EdgeError('EDGE_INTERNAL', 'no handler');
    return Promise.resolve(handler);
  };
  const argv = ['factory-reset', '--config', join(folder, 'gateway.yaml'), ...words];
  const code = await runCommandLine(EDGETWIN, () => '0', dispatch, argv, terminal);
  return { code, out, err };
}

test('a factory reset leaves nothing of identity, twins and journal, nor of their copies', async (t) => {
  const folder = await gateway(t);
  t.true((await readdir(join(folder, 'data'))).length > 10);
  const { code, out } = await run(folder, '--yes');
  t.is(code, 0);
  t.regex(out, /^erased in .*before-restore-1.*node\.key, node\.key\.next.*journal-/);
  t.regex(out, /the hub still knows pi-1: edgetwin-hub revoke/);
  t.deepEqual(await readdir(join(folder, 'data')), []);
  t.regex((await run(folder, '--yes')).out, /^erased in .*: nothing\n/);
});

test('it does nothing until it is meant, and says beforehand what it would do', async (t) => {
  const folder = await gateway(t);
  const before = await readdir(join(folder, 'data'));
  const { code, err } = await run(folder);
  t.is(code, 2);
  t.regex(err, /would erase .*, the identity of pi-1 first\nhint: .*--yes/);
  const { out } = await run(folder, '--dry-run', '--json');
  const told = JSON.parse(out) as Record<string, string[]>;
  t.like(told, { node: 'pi-1', dryRun: true, foreign: [] });
  t.deepEqual([...(told['identity'] ?? []), ...(told['other'] ?? [])].sort(), before.sort());
  t.deepEqual((await readdir(join(folder, 'data'))).sort(), before);
});

test('a gateway that runs is not erased; what edgetwin did not make is kept', async (t) => {
  const folder = await gateway(t);
  const data = join(folder, 'data');
  await writeFile(join(data, SITE), 'x');
  const lock = await lockFolder(data);
  for (const word of ['--yes', '--dry-run']) {
    const { code, err } = await run(folder, word);
    t.is(code, 1);
    t.regex(err, /EDGE_LOCKED/);
  }
  t.true((await readdir(data)).includes('node.key'));
  await lock.release();
  t.regex((await run(folder, '--yes')).out, /not made by edgetwin, kept: foreign\.txt/);
  t.deepEqual(await readdir(data), [SITE]);
});
