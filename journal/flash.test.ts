import test from 'ava';
import fc from 'fast-check';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { settleStorage } from './crash-model.js';
import { Flash } from './flash.js';
import { FlashLedger, HOUR_MS } from './flash-ledger.js';
import { openStore } from './journal-store.js';
import { FLASH_LIMITS } from './limits.js';
import { MemoryStorage } from './memory-storage.js';
import type { Store } from './store.js';
import { BLOCK_BYTES } from './write-meter.js';

interface Tables {
  twins: { readonly value: number };
}

const DAY_MS = 24 * HOUR_MS;
const some = { bytes: 100, blocks: 1, syncs: 1 };

function open(storage: MemoryStorage, clock: ManualClock, flash: Flash): Promise<Store<Tables>> {
  const random = seededRandom(clock.now() + 1);
  return openStore<Tables>(storage, {
    ...{ clock, random, log: silentLog, flash },
    journalBytes: 16 * 1024,
  });
}

test('the ledger holds at least what was written in 24 hours, and nothing older than 25', (t) => {
  const steps = fc.array(fc.record({ pauseMs: fc.nat(5 * HOUR_MS), blocks: fc.nat(1_000) }));
  fc.assert(
    fc.property(steps, fc.nat(DAY_MS), fc.boolean(), (writes, startMs, restart) => {
      let nowMs = startMs;
      let ledger = new FlashLedger(nowMs);
      const made: { atMs: number; blocks: number }[] = [];
      for (const { pauseMs, blocks } of writes) {
        nowMs += pauseMs;
        ledger.add({ bytes: 0, blocks, syncs: 0 }, nowMs);
        made.push({ atMs: nowMs, blocks });
        if (!restart) continue;
        // The monotonic clock of another life starts anywhere.
        const row: unknown = JSON.parse(JSON.stringify(ledger.toRow(nowMs)));
        ledger = new FlashLedger(nowMs);
        ledger.restore(row, nowMs);
      }
      const since = (ms: number): number =>
        made.filter(({ atMs }) => atMs > nowMs - ms).reduce((all, { blocks }) => all + blocks, 0);
      const { blocks } = ledger.day(nowMs);
      return blocks >= since(DAY_MS - HOUR_MS) && blocks <= since(DAY_MS + HOUR_MS);
    }),
  );
  t.pass();
});

test('a row of an earlier life is added to what this life wrote, and nonsense is ignored', (t) => {
  const first = new FlashLedger(0);
  first.add(some, 10);
  const second = new FlashLedger(7);
  second.add(some, 8);
  second.restore(first.toRow(10), 9);
  t.deepEqual(second.day(9), { bytes: 200, blocks: 2, syncs: 2 });
  for (const row of [
    null,
    1,
    {},
    { elapsedMs: 1, hours: [] },
    { elapsedMs: -1, hours: [[1, 1, 1]] },
  ])
    second.restore(row, 9);
  second.restore({ elapsedMs: 0, hours: [[1, 1, Infinity]] }, 9);
  t.deepEqual(second.day(9), { bytes: 200, blocks: 2, syncs: 2 });
});

test('near the budget commits wait longer, beyond it history is shed, and an hour later it may be well again', (t) => {
  const clock = new ManualClock();
  const flash = new Flash({ clock, budgetBytes: 100 * BLOCK_BYTES });
  const write = (blocks: number): void => flash.add({ bytes: 0, blocks, syncs: 1 });
  write(74);
  t.like(flash.stats(), { state: 'ok', windowMs: 0, dayFlashBytes: 74 * BLOCK_BYTES });
  clock.advance(HOUR_MS);
  write(14);
  t.is(flash.state(), 'saving');
  t.true(flash.windowMs() > 0 && flash.windowMs() < FLASH_LIMITS.windowMaxMs);
  write(12);
  t.like(flash.stats(), { state: 'exceeded', windowMs: FLASH_LIMITS.windowMaxMs });
  clock.advance(23 * HOUR_MS);
  t.like(flash.stats(), { state: 'ok', dayFlashBytes: 26 * BLOCK_BYTES });
});

test('a state is left only some way below where it was entered', (t) => {
  const clock = new ManualClock();
  const flash = new Flash({ clock, budgetBytes: 100 * BLOCK_BYTES });
  flash.add({ bytes: 0, blocks: 4, syncs: 1 });
  clock.advance(HOUR_MS);
  flash.add({ bytes: 0, blocks: 96, syncs: 1 });
  t.is(flash.state(), 'exceeded');
  clock.advance(23 * HOUR_MS);
  t.is(flash.stats().dayFlashBytes, 96 * BLOCK_BYTES);
  t.is(flash.state(), 'exceeded');
  t.is(new Flash({ clock }).state(), 'ok', 'without a budget nothing is ever too much');
});

test('the account survives restarts and kills without one sync more', async (t) => {
  const clock = new ManualClock();
  const put = (value: number) => [{ table: 'twins', key: 'a', row: { value } }] as const;
  const storage = new MemoryStorage();
  const first = new Flash({ clock });
  const store = await open(storage, clock, first);
  const syncs: number[] = [];
  for (let value = 0; value < 5; value += 1) {
    const before = store.stats().syncs;
    await store.commit(put(value));
    syncs.push(store.stats().syncs - before);
    clock.advance(FLASH_LIMITS.rideMs);
  }
  t.deepEqual(syncs, [1, 1, 1, 1, 1]);
  t.is(store.stats().rows, 1, 'its row is not one of the rooms');
  await settleStorage(storage);
  const { day } = first.stats();
  const second = new Flash({ clock });
  const after = await open(storage.crash(seededRandom(1)), clock, second);
  // The last group counted itself only in memory, and this opening wrote, too.
  t.true(second.stats().day.bytes > day.bytes - 2_000);
  t.true(second.stats().day.syncs >= day.syncs - 1);
  await after.close();
});

test('beyond the budget commits share a sync, and a commit that is waited for does not wait', async (t) => {
  const clock = new ManualClock();
  const flash = new Flash({ clock, budgetBytes: BLOCK_BYTES });
  const storage = new MemoryStorage();
  const store = await open(storage, clock, flash);
  t.is(store.stats().flash.state, 'exceeded');
  const before = store.stats().syncs;
  const commits = [1, 2, 3].map(async (value) => {
    await store.commit([{ table: 'twins', key: `k${value}`, row: { value } }]);
  });
  await settleStorage(storage);
  t.is(store.stats().syncs, before, 'all three wait');
  clock.advance(FLASH_LIMITS.windowMaxMs);
  await Promise.all(commits);
  t.is(store.stats().syncs, before + 1);
  const urgent = store.commit([{ table: 'twins', key: 'k', row: { value: 4 } }]);
  await store.commit([]);
  await urgent;
  t.is(store.stats().syncs, before + 2);
});
