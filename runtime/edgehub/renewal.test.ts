import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import test from 'ava';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom } from '#protocol/random.js';
import type { Identity } from '#tunnel/transport.js';
import { join, loadIdentity } from './join.js';
import { Renewal } from './renewal.js';
import { answer, TestJoinHub } from './test-join-hub.js';

test('a running gateway gets its next certificate, and goes on looking after a failure', async (t) => {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'renewal-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  let calls = 0;
  const hub = await new TestJoinHub((body, socket, self) => {
    calls++;
    if (calls === 2) socket.destroy();
    else answer(socket, self.certify(body));
  }).start();
  t.teardown(() => hub.stop());
  await join({ token: hub.token(), dataDir, node: 'gw-1' });
  // Its certificate lasts from 1970 to 2049.
  const clock = new ManualClock(Date.UTC(2040, 0));
  const adopted: Identity[] = [];
  const events: string[] = [];
  const record = (event: string): void => void events.push(event);
  const log = { ...silentLog, info: record, warn: record };
  const options = { dataDir, clock, random: systemRandom, log };
  const renewal = new Renewal(options, (identity) => adopted.push(identity));
  renewal.start();
  for (const event of ['certificate-renewal-failed', 'certificate-renewed']) {
    clock.advance(6 * 3_600_000);
    while (!events.includes(event) || !clock.pending().includes('renew-certificate'))
      await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual(events, ['certificate-renewal-failed', 'certificate-renewed']);
  t.deepEqual(adopted, [(await loadIdentity(dataDir))!.identity]);
  renewal.stop();
  t.deepEqual(clock.pending(), []);
});
