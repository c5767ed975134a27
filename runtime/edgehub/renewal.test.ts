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
  const { certificate } = (await loadIdentity(dataDir))!.identity;
  const options = { dataDir, certificate, clock, random: systemRandom, log };
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

test('refused by the hub it looks at once: a certificate that is due is renewed, a new identity taken over', async (t) => {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'renewal-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  let calls = 0;
  const hub = await new TestJoinHub((body, socket, self) => {
    calls++;
    answer(socket, self.certify(body));
  }).start();
  t.teardown(() => hub.stop());
  await join({ token: hub.token(), dataDir, node: 'gw-1' });
  const { certificate } = (await loadIdentity(dataDir))!.identity;
  // Young: nothing is due.
  const clock = new ManualClock(Date.UTC(1971, 0));
  const adopted: Identity[] = [];
  const events: string[] = [];
  const log = { ...silentLog, info: (event: string): void => void events.push(event) };
  const options = { dataDir, certificate, clock, random: systemRandom, log };
  const renewal = new Renewal(options, (identity) => adopted.push(identity));
  renewal.start();
  const quiet = async (): Promise<void> => {
    while (!clock.pending().includes('renew-certificate'))
      await new Promise((resolve) => setImmediate(resolve));
  };
  renewal.refused();
  await quiet();
  t.deepEqual([calls, events], [1, []], 'refused for another reason: nothing that it can do');
  await join({ token: hub.token(), dataDir, node: 'gw-1', force: true });
  renewal.refused();
  await quiet();
  t.deepEqual(events, [], 'it has looked just now');
  clock.advance(5 * 60_000);
  renewal.refused();
  renewal.refused();
  await quiet();
  t.deepEqual(events, ['identity-replaced']);
  const joined = (await loadIdentity(dataDir))!.identity;
  t.deepEqual(adopted, [joined]);
  t.not(joined.certificate, certificate);
  clock.jumpWall(Date.UTC(2040, 0) - clock.wallTime());
  clock.advance(5 * 60_000);
  renewal.refused();
  await quiet();
  t.deepEqual(events, ['identity-replaced', 'certificate-renewed']);
  t.is(calls, 3);
  renewal.stop();
  renewal.refused();
  t.deepEqual(clock.pending(), []);
});
