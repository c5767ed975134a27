import test from 'ava';
import { ManualClock } from '#protocol/manual-clock.js';
import { API_LIMITS } from './limits.js';
import { ServedFleet } from './served-fleet.js';

interface Gate {
  readonly wait: Promise<void>;
  open: () => void;
}

function gate(): Gate {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => (open = resolve));
  return { wait, open };
}

test('a backup is for admins, comes piece by piece, and one at a time', async (t) => {
  const { wait, open } = gate();
  const hub = await ServedFleet.start({
    backup: async function* () {
      yield Buffer.from('first ');
      await wait;
      yield Buffer.from('second');
    },
  });
  t.teardown(() => hub.stop());
  const ask = async (token: string) =>
    fetch(`${hub.url}/api/v1/backup`, { headers: { authorization: `Bearer ${token}` } });
  t.is((await ask(await hub.token('operator'))).status, 403);
  const admin = await hub.token('admin');
  const whole = await ask(admin);
  t.is(whole.status, 200);
  t.is((await ask(admin)).status, 503);
  open();
  t.is(await whole.text(), 'first second');
  t.is(await (await ask(admin)).text(), 'first second', 'and again');
});

test('a reader that takes nothing is cut, and the next one is served', async (t) => {
  const clock = new ManualClock();
  let endless = true;
  let chunks = 0;
  let closed = gate();
  const hub = await ServedFleet.start({
    clock,
    backup: async function* () {
      try {
        do {
          chunks += 1;
          yield Buffer.alloc(1024 * 1024);
        } while (endless);
      } finally {
        closed.open();
      }
    },
  });
  t.teardown(() => hub.stop());
  const headers = { authorization: `Bearer ${await hub.token('admin')}` };
  const stuck = await fetch(`${hub.url}/api/v1/backup`, { headers });
  // The buffers of both ends fill up, then the last chunk waits.
  for (let [before, quiet] = [-1, 0]; quiet < 10; quiet = chunks === before ? quiet + 1 : 0) {
    before = chunks;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.true(clock.pending().includes('backup-stall'));
  clock.advance(API_LIMITS.backupStallMs);
  await closed.wait;
  await t.throwsAsync(stuck.arrayBuffer());
  endless = false;
  closed = gate();
  const next = await fetch(`${hub.url}/api/v1/backup`, { headers });
  t.is((await next.arrayBuffer()).byteLength, 1024 * 1024);
});
