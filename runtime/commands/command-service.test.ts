import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { SyncMessage, Welcome } from '#protocol/sync-message.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import type { CommandEnding, CommandJob } from './command-machine.js';
import { CommandService } from './command-service.js';

const ID = '00000000000000aa';
const WELCOME = { features: ['commands'] } as unknown as Welcome;

function command(change: object = {}): SyncMessage {
  return {
    ...{ kind: 'command', epoch: 1, command: ID, device: 'default/tap', method: 'open' },
    ...{ incarnation: { gen: 1, n: 1 }, args: {}, ttlMs: 1000, issuedMs: 500_000 },
    ...change,
  };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 500; i++) await Promise.resolve();
}

async function setUp(storage = new MemoryStorage()) {
  const clock = new ManualClock();
  const options = { clock, random: seededRandom(1), log: silentLog };
  const store = await openStore<GatewayTables>(storage, options);
  const meta = await MetaStore.open(store, options);
  const ran: CommandJob[] = [];
  let end: (ending: CommandEnding) => void = () => undefined;
  const runner = {
    refusal: () => undefined,
    run: (job: CommandJob) => {
      ran.push(job);
      return new Promise<CommandEnding>((resolve) => (end = resolve));
    },
  };
  const service = new CommandService({ meta, runner, ...options });
  let ready = 0;
  service.onReady(() => ready++);
  return { clock, storage, service, ran, end: () => end({ state: 'done' }), readied: () => ready };
}

test('the hub’s time of issue becomes a time on this clock', async (t) => {
  const { service, ran } = await setUp();
  service.begin(WELCOME, 500_000);
  t.true(service.receive(command(), 0));
  await turns();
  t.is(ran[0]?.notAfterMs, 1000);
  t.false(service.receive({ kind: 'ready', epoch: 1 }, 0));
});

test('a hub that does not understand commands is told nothing of them', async (t) => {
  const { service, end } = await setUp();
  service.begin({ features: [] } as unknown as Welcome, 500_000);
  service.receive(command(), 0);
  await turns();
  end();
  await turns();
  t.is(service.next(1, 0), undefined);
  service.end();
  service.begin(WELCOME, 500_000);
  t.like(service.next(2, 0)?.message, { kind: 'result', epoch: 2, state: 'done' });
});

test('an end waits for a storage that is ill, and is said when it is well', async (t) => {
  const { clock, storage, service, end, readied } = await setUp();
  service.begin(WELCOME, 500_000);
  service.receive(command(), 0);
  await turns();
  storage.fail({ nth: 1, fault: 'EIO', sticky: true });
  end();
  await turns();
  clock.advance(GATEWAY_LIMITS.storageRetryMs);
  await turns();
  t.is(service.next(1, 0), undefined);
  storage.heal();
  for (let second = 0; second < 10; second++) {
    clock.advance(GATEWAY_LIMITS.storageRetryMs);
    await turns();
  }
  t.like(service.next(1, 0)?.message, { state: 'done' });
  t.is(readied(), 1);
  t.is(service.status().counters['done'], 1);
});

test('a storage that refuses acceptance refuses the command', async (t) => {
  const { clock, storage, service, ran } = await setUp();
  service.begin(WELCOME, 500_000);
  storage.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  service.receive(command(), 0);
  await turns();
  storage.heal();
  for (let second = 0; second < 10; second++) {
    clock.advance(GATEWAY_LIMITS.storageRetryMs);
    await turns();
  }
  t.like(service.next(1, 0)?.message, { state: 'failed', code: 'EDGE_STORAGE' });
  t.deepEqual(ran, []);
});

test('the process after a kill says unknown of what was accepted and not ended', async (t) => {
  const { storage, service } = await setUp();
  service.begin(WELCOME, 500_000);
  service.receive(command(), 0);
  await turns();
  const reborn = await setUp(new MemoryStorage(storage.crash(seededRandom(2)).disk));
  reborn.service.begin(WELCOME, 500_000);
  await turns();
  t.like(reborn.service.next(1, 0)?.message, { command: ID, state: 'unknown' });
  reborn.service.receive(command(), 0);
  await turns();
  t.deepEqual(reborn.ran, []);
});
