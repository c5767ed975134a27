import test from 'ava';
import fc from 'fast-check';
import { ManualClock } from '#protocol/manual-clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { auditDocument, brokenAt } from './audit-document.js';
import { AuditTrail } from './audit-trail.js';
import { AUDIT_LIMITS } from './limits.js';
import type { AuditLimits } from './limits.js';
import { Refusals } from './refusals.js';
import type { AuditEntry, AuditTables } from './tables.js';

const DAY_MS = 24 * 3_600_000;

async function bench(limits: Partial<AuditLimits> = {}, storage = new MemoryStorage()) {
  const clock = new ManualClock();
  const ports = { clock, log: silentLog, random: seededRandom(1) };
  const store = await openStore<AuditTables>(storage, { ...ports, journalBytes: 0 });
  const all = { ...AUDIT_LIMITS, ...limits };
  return {
    clock,
    store,
    storage,
    limits: all,
    trail: new AuditTrail(store, { ...ports, limits: all }),
  };
}

const ALL = { after: 0, limit: 1_000 };
const ENTRY: AuditEntry = { actor: 'operator:ann', action: 'token.create', subject: 'pi-1' };

test('records are numbered, timed and durable when they are acknowledged', async (t) => {
  const { trail, clock, storage } = await bench();
  await trail.record({ ...ENTRY, node: 'pi-1', before: { value: 1 }, after: { value: 2 } });
  clock.advance(5);
  await trail.record(ENTRY);
  const again = await bench({}, storage);
  const { records, next } = again.trail.page(ALL);
  t.is(next, undefined);
  t.like(records, [
    { n: 1, actor: 'operator:ann', action: 'token.create', before: { value: 1 } },
    { n: 2, subject: 'pi-1' },
  ]);
  t.is((records[1]?.at ?? 0) - (records[0]?.at ?? 0), 5);
});

test('a changed, removed or inserted record breaks the chain of an export', async (t) => {
  const { trail } = await bench();
  for (let index = 0; index < 5; index++) await trail.record({ ...ENTRY, subject: `pi-${index}` });
  const records = trail.page(ALL).records.map(auditDocument);
  t.is(brokenAt(records), undefined);
  const changed = records.map((one) => (one.n === 3 ? { ...one, actor: 'operator:eve' } : one));
  t.is(brokenAt(changed), 3);
  t.is(brokenAt(records.filter(({ n }) => n !== 3)), 4);
  const [first, ...rest] = records;
  t.is(brokenAt([first!, { ...first!, n: 2 }, ...rest]), 2);
});

test('several records of one transaction follow each other', async (t) => {
  const { trail, store } = await bench();
  await store.commit(trail.puts([ENTRY, { ...ENTRY, subject: 'pi-2' }]));
  await store.commit([]);
  const { records } = trail.page(ALL);
  t.deepEqual(
    records.map(({ n, subject }) => [n, subject]),
    [
      [1, 'pi-1'],
      [2, 'pi-2'],
    ],
  );
  t.is(brokenAt(records.map(auditDocument)), undefined);
});

test('what is kept stays within records, characters and age, the newest always', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ wait: fc.nat(40), chars: fc.nat(400) }), { maxLength: 60 }),
      async (steps) => {
        const { trail, clock, store, limits } = await bench({
          records: 10,
          chars: 3_000,
          ageMs: 365 * DAY_MS,
        });
        for (const { wait, chars } of steps) {
          clock.advance(wait * DAY_MS);
          await trail.record({ ...ENTRY, after: 'x'.repeat(chars) });
          const { records } = trail.page(ALL);
          const kept = [...store.rows('audit').values()];
          t.is(kept.length, records.length);
          t.is(
            trail.stats().chars,
            kept.reduce((sum, row) => sum + JSON.stringify(row).length, 0),
          );
          t.true(records.length <= limits.records && records.length >= 1);
          t.is(brokenAt(records.map(auditDocument)), undefined);
        }
        t.is(trail.stats().total, steps.length);
      },
    ),
    { numRuns: 40 },
  );
});

test('a clock that jumps ahead does not empty the trail at once', async (t) => {
  const { trail, clock } = await bench();
  for (let index = 0; index < 100; index++) await trail.record(ENTRY);
  clock.advance(10_000 * DAY_MS);
  await trail.record(ENTRY);
  t.is(trail.stats().records, 101 - AUDIT_LIMITS.forgottenAtOnce);
});

test('long values are kept as length and hash, long names are cut', async (t) => {
  const { trail } = await bench();
  await trail.record({ ...ENTRY, subject: 's'.repeat(5_000), after: { value: 'x'.repeat(8_000) } });
  const [record] = trail.page(ALL).records;
  t.is(record?.subject.length, AUDIT_LIMITS.nameChars);
  t.like(record?.after, { chars: 8_012 });
  t.regex((record?.after as { sha256: string }).sha256, /^[0-9a-f]{64}$/);
});

test('pages hold everything once; filters leave their next page findable', async (t) => {
  const { trail, clock } = await bench();
  for (let index = 0; index < 25; index++) {
    clock.advance(1_000);
    await trail.record({ ...ENTRY, actor: index % 5 === 0 ? 'operator:bob' : 'operator:ann' });
  }
  const seen: number[] = [];
  for (let after = 0; ;) {
    const { records, next } = trail.page({ after, limit: 4 });
    seen.push(...records.map(({ n }) => n));
    if (next === undefined) break;
    after = next;
  }
  t.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, index) => index + 1),
  );
  const bobs = trail.page({ ...ALL, actor: 'operator:bob' }).records.map(({ n }) => n);
  t.deepEqual(bobs, [1, 6, 11, 16, 21]);
  const late = trail.page({ ...ALL, sinceMs: clock.wallTime() - 1_000 }).records;
  t.deepEqual(
    late.map(({ n }) => n),
    [24, 25],
  );
});

test('a storage that refuses does not turn a refusal into an error', async (t) => {
  const { trail, store } = await bench();
  await store.close();
  await t.notThrowsAsync(trail.record(ENTRY));
});

test('E39: a node refused 100,000 times leaves a bounded number of records, and their count', async (t) => {
  const { trail, clock } = await bench();
  const { refused } = new Refusals(trail, clock);
  const entry = { actor: 'node:evil', action: 'device.refuse', code: 'EDGE_FORBIDDEN' } as const;
  for (let index = 0; index < 100_000; index++) refused({ ...entry, subject: `a/d${index}` });
  t.is(trail.stats().total, AUDIT_LIMITS.refusalsPerNode);
  t.log(`100,000 refusals, ${trail.stats().total} records`);
  refused({ ...entry, actor: 'node:other', subject: 'a/d1' });
  t.is(trail.stats().total, AUDIT_LIMITS.refusalsPerNode + 1);
  clock.advance(AUDIT_LIMITS.refusalWindowMs);
  refused({ ...entry, subject: 'a/d1' });
  t.is(
    trail.page(ALL).records.at(-1)?.detail,
    `${100_000 - AUDIT_LIMITS.refusalsPerNode} more before that`,
  );
});
