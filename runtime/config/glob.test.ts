import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { expandGlob } from './glob.js';

const FILES = [
  'a.yaml',
  'b.yml',
  '.hidden.yaml',
  'x/c.yaml',
  'x/y/d.yaml',
  'x/.git/e.yaml',
  'q[1].y',
];

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'glob-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const name of FILES) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), '');
  }
  await symlink('.', join(folder, 'x', 'loop'));
  await symlink('../a.yaml', join(folder, 'x', 'link.yaml'));
  return folder;
}

const MATCHES: readonly (readonly [string, readonly string[]])[] = [
  ['a.yaml', ['a.yaml']],
  ['*.yaml', ['a.yaml']],
  ['.*.yaml', ['.hidden.yaml']],
  ['?.y*ml', ['a.yaml', 'b.yml']],
  ['**/*.yaml', ['a.yaml', 'x/c.yaml', 'x/link.yaml', 'x/y/d.yaml']],
  ['**', []],
  ['x/**/d.yaml', ['x/y/d.yaml']],
  ['x/*/*.yaml', ['x/loop/c.yaml', 'x/loop/link.yaml', 'x/y/d.yaml']],
  ['./x/../a.yaml', ['./x/../a.yaml']],
  ['q[1].*', ['q[1].y']],
  ['x', []],
  ['none/*.yaml', []],
  ['a.yaml/*', []],
  ['a**********************************b', []],
];

for (const [pattern, expected] of MATCHES)
  test(`${pattern} matches ${expected.join(', ') || 'nothing'}`, async (t) => {
    t.deepEqual(await expandGlob(await folderOf(t), pattern), expected);
  });

test('an absolute pattern is not relative to the folder', async (t) => {
  const folder = await folderOf(t);
  t.deepEqual(await expandGlob('/nonexistent', `${folder}/*.yaml`), [join(folder, 'a.yaml')]);
});
