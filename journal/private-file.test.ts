import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { seededRandom } from '#protocol/random.js';
import { readPrivateFile, removePrivateFile, writePrivateFile } from './private-file.js';

const random = seededRandom(1);

test('a written file comes back, is for its owner only, and leaves no temporary file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'private-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'deeper', 'secret.json');
  await writePrivateFile(path, 'one', random);
  await writePrivateFile(path, 'two', random);
  t.is(await readPrivateFile(path), 'two');
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(await readdir(join(folder, 'deeper')), ['secret.json']);
  await removePrivateFile(path);
  await removePrivateFile(path);
  t.is(await readPrivateFile(path), undefined);
});

test('a folder that cannot be written gives EDGE_STORAGE with a hint', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'private-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writePrivateFile(join(folder, 'file'), 'x', random);
  const error = await t.throwsAsync(writePrivateFile(join(folder, 'file', 'x'), 'x', random), {
    instanceOf: EdgeError,
    code: 'EDGE_STORAGE',
  });
  t.regex(error.hint ?? '', /folder/);
});
