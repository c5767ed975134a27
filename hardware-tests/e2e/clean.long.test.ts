import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test from 'ava';
import { blocksOf, ROOT } from './readme.js';
import { processesWith } from './left-behind.js';
import { bash } from './shell.js';

const NOT_CLONED = /^(\.git|node_modules|dist)($|\/)/;

test('the two commands of the README, on a clean checkout', async (t) => {
  t.timeout(10 * 60_000);
  const [start = '', tests = ''] = (await blocksOf('sh')).map((block) => block.trimEnd());
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-clean-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const filter = (path: string): boolean => !NOT_CLONED.test(relative(ROOT, path));
  await cp(ROOT, folder, { recursive: true, filter });

  const marker = `clean-${process.pid}`;
  const env = { ...process.env, EDGETWIN_TEST_MARKER: marker, npm_config_prefer_offline: 'true' };
  const playground = await bash(`${start} -- --for 20 --json`, folder, env);
  t.is(playground.code, 0, playground.output);
  const values = [...playground.stdout.matchAll(/^\{.*"property":"voltage","reported":([\d.]+)/gm)];
  t.true(new Set(values.map(([, value]) => value)).size > 3, 'values arrive at the hub and change');
  t.deepEqual(processesWith(marker), [], 'no process is left behind, and so no open port');

  const suite = await bash(`${tests} -- dist/architecture.test.js`, folder, env);
  t.is(suite.code, 0, suite.output);
  t.regex(suite.output, /\d+ tests passed/);
});
