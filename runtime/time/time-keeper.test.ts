import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { Welcome } from '#protocol/sync-message.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { TimeKeeper, keptFloorMs } from './time-keeper.js';
import { WallClock } from './wall-clock.js';

const TODAY = Date.UTC(2026, 10, 22);
const HOUR_MS = 3_600_000;

async function boot(storage: MemoryStorage, system: ManualClock) {
  const options = { clock: system, random: seededRandom(1), log: silentLog };
  const meta = await MetaStore.open(await openStore<GatewayTables>(storage, options), options);
  const clock = new WallClock(system, keptFloorMs(meta));
  const time = new TimeKeeper(clock, { meta, log: silentLog });
  time.start();
  const stop = async (): Promise<void> => {
    time.stop();
    await meta.close();
  };
  return { clock, time, stop };
}

const welcome = (wallMs?: number): Welcome => ({
  ...{ kind: 'welcome', epoch: 1, lineage: '', gen: 1, fork: false, resync: false, adopt: false },
  ...{ known: { state: 0, samples: 0 }, hubLineage: '', hubGen: 1, hubBoot: '', protocol: 1 },
  ...{ features: [], messageBytes: 1, monotonicMs: 0 },
  ...(wallMs === undefined ? {} : { wallMs }),
});

test('the time of the hub survives a restart of a board without a clock, and goes on', async (t) => {
  const storage = new MemoryStorage();
  const first = await boot(storage, new ManualClock(0));
  t.is(first.time.status().quality, 'floor');
  first.time.heard(welcome(TODAY));
  t.deepEqual(first.time.status(), { quality: 'synced', wall: TODAY });
  await first.stop();

  const system = new ManualClock(0);
  const second = await boot(storage, system);
  t.deepEqual(second.time.status(), { quality: 'floor', wall: TODAY });
  system.advance(3 * HOUR_MS);
  await second.stop();

  const third = await boot(storage, new ManualClock(0));
  t.is(third.clock.wallTime(), TODAY + 3 * HOUR_MS);
  await third.stop();
});

test('a system clock in 2040 leaves no floor behind', async (t) => {
  const storage = new MemoryStorage();
  const first = await boot(storage, new ManualClock(Date.UTC(2040, 0, 1)));
  t.is(first.time.status().quality, 'unknown');
  await first.stop();
  const second = await boot(storage, new ManualClock(TODAY));
  t.deepEqual(second.time.status(), { quality: 'unknown', wall: TODAY });
  await second.stop();
});

test('a hub that tells no time, 1970 or the year 9999 is not believed', async (t) => {
  const { time, stop } = await boot(new MemoryStorage(), new ManualClock(TODAY));
  for (const wallMs of [undefined, 0, Date.UTC(9999, 0, 1)]) time.heard(welcome(wallMs));
  t.deepEqual(time.status(), { quality: 'unknown', wall: TODAY });
  await stop();
});
