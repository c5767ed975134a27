import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ManualClock } from '#protocol/manual-clock.js';
import { RequestRate } from './request-rate.js';
import { ServedFleet } from './served-fleet.js';

test('H50: an operator who asks too often is told to wait, and others are served', async (t) => {
  const clock = new ManualClock();
  const limits = { requestsPerSecond: 1, requestBurst: 3 };
  const hub = await ServedFleet.start({ clock, limits });
  t.teardown(() => hub.stop());
  const [greedy, other] = [await hub.token('viewer'), await hub.token('viewer')];
  const ask = (token: string) =>
    fetch(`${hub.url}/api/v1/nodes`, { headers: { authorization: `Bearer ${token}` } });
  for (let count = 0; count < 3; count++) t.is((await ask(greedy)).status, 200);
  for (let count = 0; count < 2; count++) {
    const refused = await ask(greedy);
    t.is(refused.status, 429);
    t.is(refused.headers.get('retry-after'), '1');
    t.like(await refused.json(), { code: 'EDGE_LIMIT' });
  }
  t.is((await ask(other)).status, 200);
  // The command line on this machine is nobody's program that runs wild.
  const control = JSON.parse(await readFile(join(hub.dataDir, 'control.json'), 'utf8')) as {
    token: string;
  };
  for (let count = 0; count < 5; count++) t.is((await ask(control.token)).status, 200);
  const metrics = await (await ask(other)).text().then(() => fetch(`${hub.url}/metrics`));
  t.regex(await metrics.text(), /edgetwin_api_rate_limited_total 2/);
  clock.advance(1_000);
  t.is((await ask(greedy)).status, 200);
  t.is((await ask(greedy)).status, 429);
});

test('H50: no more operators are remembered than there may be', (t) => {
  const rate = new RequestRate({ requestsPerSecond: 1, requestBurst: 1, operators: 2 });
  t.deepEqual(
    ['a', 'b', 'a', 'c', 'b', 'c'].map((name) => rate.take(name, 0)),
    [true, true, false, true, true, false],
  );
  t.is(rate.refused, 2);
});
