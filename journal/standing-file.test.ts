import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { JOURNAL_LIMITS } from './limits.js';
import { StandingFile } from './standing-file.js';

test('a file that cannot be written yet follows when it can, and goes with its program', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'standing-'));
  t.teardown(() => rm(parent, { recursive: true }));
  const clock = new ManualClock();
  const folder = join(parent, 'data');
  const path = join(folder, 'control.json');
  // Not a folder: nothing can be written in it.
  await writeFile(folder, '');
  const file = new StandingFile(path, { clock, random: seededRandom(1), log: silentLog });
  await file.put('hello');
  await t.throwsAsync(readFile(path));
  t.is(clock.pending().length, 1);

  await rm(folder);
  clock.advance(JOURNAL_LIMITS.retryFullMaxMs);
  for (let text = ''; text !== 'hello'; text = await readFile(path, 'utf8').catch(() => ''))
    await new Promise((resolve) => setTimeout(resolve, 5));
  await file.remove();
  await t.throwsAsync(readFile(path), { code: 'ENOENT' });
});

test('it is given up when its program stops before it could be written', async (t) => {
  const clock = new ManualClock();
  const ports = { clock, random: seededRandom(1), log: silentLog };
  const file = new StandingFile('/dev/null/control.json', ports);
  await file.put('hello');
  await file.remove();
  t.deepEqual(clock.pending(), []);
});
