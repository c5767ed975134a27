import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { FakeTwins } from '../eventbus/fake-twins.js';
import { MetaServer } from './meta-server.js';

test('a backup needs the token, comes piece by piece, and one at a time', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'edgetwin-backups-'));
  let ended = false;
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const server = new MetaServer({
    twins: new FakeTwins(),
    status: () => {
      throw new TypeError('not asked');
    },
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    backup: async function* () {
      try {
        yield Buffer.from('first ');
        await gate;
        yield Buffer.from('second');
      } finally {
        ended = true;
      }
    },
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
  });
  const { url } = await server.start();
  t.teardown(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true });
  });
  const { token } = JSON.parse(await readFile(join(dataDir, 'control.json'), 'utf8')) as {
    token: string;
  };
  const ask = () =>
    fetch(`${url}/api/v1/backup`, { headers: { authorization: `Bearer ${token}` } });
  t.is((await fetch(`${url}/api/v1/backup`)).status, 401);
  const whole = await ask();
  t.is(whole.headers.get('content-type'), 'application/octet-stream');
  const second = await ask();
  t.is(second.status, 503);
  t.like(await second.json(), { code: 'EDGE_LIMIT' });
  go();
  t.is(await whole.text(), 'first second');
  t.true(ended);
  t.is((await ask()).status, 200, 'and again');
});
