import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { join, loadIdentity } from './join.js';
import { renewIdentity } from './renew.js';
import { answer, TestJoinHub, type Serve } from './test-join-hub.js';

const honest: Serve = (body, socket, hub) => answer(socket, hub.certify(body));

async function joined(
  t: ExecutionContext,
  serve: Serve = honest,
): Promise<{ dataDir: string; hub: TestJoinHub; calls: () => number }> {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'renew-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  let calls = 0;
  const hub = await new TestJoinHub((body, socket, self) => {
    calls++;
    (calls === 1 ? honest : serve)(body, socket, self);
  }).start();
  t.teardown(() => hub.stop());
  await join({ token: hub.token(), dataDir, node: 'gw-1' });
  return { dataDir, hub, calls: () => calls };
}

// The certificates of the test's authority last from 1970 to 2049.
const clockIn = (year: number): ManualClock => new ManualClock(Date.UTC(year, 0));

test('a certificate is renewed when two thirds of its life have passed, not before', async (t) => {
  const { dataDir, calls } = await joined(t);
  const before = await loadIdentity(dataDir);
  t.is(await renewIdentity({ dataDir, clock: clockIn(2022) }), undefined);
  t.is(calls(), 1);
  const after = await renewIdentity({ dataDir, clock: clockIn(2023) });
  t.not(after?.identity.key, before?.identity.key);
  t.deepEqual(await loadIdentity(dataDir), after);
  t.deepEqual((await readdir(dataDir)).sort(), ['ca.crt', 'hub.json', 'node.crt', 'node.key']);
});

test('a gateway that never joined has nothing to renew', async (t) => {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'renew-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  t.is(await renewIdentity({ dataDir, force: true }), undefined);
});

test('whatever goes wrong, the present identity stands, and the next attempt offers the same key', async (t) => {
  const keys: string[] = [];
  const { dataDir, hub } = await joined(t, (body, socket, self) => {
    keys.push((JSON.parse(body) as { csr: string }).csr.slice(8, 150));
    if (keys.length === 1) socket.destroy();
    else if (keys.length === 2) answer(socket, { code: 'EDGE_STORAGE', detail: 'full' }, 503);
    else if (keys.length === 3) answer(socket, self.certify(body, 'gw-2'));
    else answer(socket, self.certify(body));
  });
  const before = await loadIdentity(dataDir);
  for (const code of ['EDGE_CONNECTION', 'EDGE_STORAGE', 'EDGE_CERTIFICATE']) {
    await t.throwsAsync(renewIdentity({ dataDir, force: true }), { code });
    t.deepEqual(await loadIdentity(dataDir), before);
  }
  t.truthy(await renewIdentity({ dataDir, force: true, clock: systemClock }));
  t.is(new Set(keys).size, 1);
  t.true(hub.heard.includes('POST /v1/renew'));
});

test('another hub at the address is told nothing', async (t) => {
  const { dataDir } = await joined(t);
  const evil = await new TestJoinHub(honest).start();
  t.teardown(() => evil.stop());
  const address = /wss:[^"]+/.exec(
    Buffer.from(evil.token().split('.')[1] ?? '', 'base64url').toString(),
  )?.[0];
  await t.throwsAsync(renewIdentity({ dataDir, force: true, hub: address }), {
    code: 'EDGE_CERTIFICATE',
  });
  t.is(evil.connections, 1);
  t.is(evil.heard, '');
});
