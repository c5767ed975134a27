import { readFileSync } from 'node:fs';
import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { AlarmBook } from './alarm-book.js';
import { GATEWAY_ALARMS } from './gateway-alarms.js';
import { standingAlarms } from './standing-alarms.js';

const START = Date.UTC(2026, 10, 22);

async function open(storage = new MemoryStorage()) {
  const clock = new ManualClock(START);
  const options = { clock, random: seededRandom(1), log: silentLog };
  const meta = await MetaStore.open(await openStore<GatewayTables>(storage, options), options);
  return { meta, clock, storage, book: new AlarmBook(meta, clock) };
}

const refusal = (device: string, code = 'EDGE_NO_PROPERTY') =>
  ({ what: 'value', device, property: 'p', code }) as const;

test('equal refusals are one dead letter, counted, and outlive a restart', async (t) => {
  const { book, clock, meta, storage } = await open();
  book.take({ kind: 'undelivered', letters: [refusal('a/b'), refusal('a/c')] });
  clock.advance(1000);
  book.take({ kind: 'undelivered', letters: [refusal('a/b')] });
  const kept = [
    { ...refusal('a/c'), count: 1, first: START, last: START },
    { ...refusal('a/b'), count: 2, first: START, last: START + 1000 },
  ];
  t.deepEqual(book.undelivered(), { total: 3, kept });
  await meta.close();
  const again = await open(storage);
  t.deepEqual(again.book.undelivered(), { total: 3, kept });
  t.like(again.book.raised(), [
    {
      code: 'EDGE_UNDELIVERED',
      detail: 'value of a/b p: EDGE_NO_PROPERTY',
      raised: { count: 3, first: START, last: START + 1000 },
    },
  ]);
});

test('the list is bounded: the oldest lines go, the count stays', async (t) => {
  const { book, meta } = await open();
  const max = GATEWAY_LIMITS.deadLetters;
  const letters = Array.from({ length: max + 5 }, (_, index) => refusal(`a/d${index}`));
  book.take({ kind: 'undelivered', letters });
  book.take({ kind: 'undelivered', letters: [refusal('a/x', 'E'.repeat(500))] });
  const { total, kept } = book.undelivered();
  t.is(total, max + 6);
  t.is(kept.length, max);
  t.is(kept[0]?.device, 'a/d6');
  t.is(kept.at(-1)?.code.length, GATEWAY_LIMITS.deadLetterCodeChars);
  await meta.commit([]);
  t.is(meta.rows('deadLetters').size, max);
});

test('a person clears what happened, durably, and what comes after is new', async (t) => {
  const { book, meta, storage } = await open();
  book.take({ kind: 'raised', code: 'EDGE_HUB_RESTORED', detail: 'generation 2' });
  book.take({ kind: 'undelivered', letters: [refusal('a/b')] });
  await book.clear('EDGE_UNDELIVERED', { isDryRun: true });
  t.is(book.raised().length, 2);
  await book.clear('EDGE_UNDELIVERED', { isDryRun: false });
  await book.clear('EDGE_GATEWAY_RESTORED', { isDryRun: false });
  t.deepEqual(
    book.raised().map(({ code }) => code),
    ['EDGE_HUB_RESTORED'],
  );
  t.deepEqual(book.undelivered(), { total: 0, kept: [] });
  await meta.close();
  const again = await open(storage);
  t.deepEqual(again.book.undelivered(), { total: 0, kept: [] });
  again.book.take({ kind: 'undelivered', letters: [refusal('a/b')] });
  t.is(again.book.undelivered().total, 1);
});

test('what stands cannot be cleared, and no other code is an alarm', async (t) => {
  const { book } = await open();
  const dry = { isDryRun: true };
  await t.throwsAsync(book.clear('EDGE_STORAGE', dry), { code: 'EDGE_CONFLICT' });
  await t.throwsAsync(book.clear('EDGE_CLONE', dry), { code: 'EDGE_UNSUPPORTED' });
  await t.throwsAsync(book.clear('__proto__', dry), { code: 'EDGE_UNSUPPORTED' });
});

test('what the status says of store, link and devices are alarms while it lasts', (t) => {
  const hub = {
    ...{ connected: false, epoch: 1, since: 0, transport: 'memory', url: 'wss://hub' },
    ...{ unsent: 0, inFlight: 0, reconnects: 0 },
  };
  const day = { bytes: 0, blocks: 0, syncs: 0 };
  const flash = { state: 'ok', day, dayFlashBytes: 0, windowMs: 0 } as const;
  const store = { commits: 0, syncs: 0, bytesWritten: 0, flash, damage: [] };
  t.deepEqual(standingAlarms({ hub, store, refusedDevices: {} }), []);
  const alarms = standingAlarms({
    hub: { ...hub, held: { reason: 'clone', until: 0 }, refused: { 'a/b': 'EDGE_LIMIT' } },
    store: {
      ...store,
      alarm: { code: 'EDGE_STORAGE', message: 'full' },
      damage: [{ file: 'damaged-1', message: 'cut off' }],
    },
    refusedDevices: { 'a/c': 'EDGE_DEVICE_TAKEN' },
  });
  t.deepEqual(
    alarms.map(({ code, detail }) => `${code} ${detail}`),
    [
      'EDGE_STORAGE full',
      'EDGE_STORAGE_CORRUPT cut off (copy: damaged-1)',
      'EDGE_SUPERSEDED the hub said clone',
      'EDGE_DEVICE_TAKEN a/c: EDGE_DEVICE_TAKEN',
      'EDGE_DEVICE_TAKEN a/b: EDGE_LIMIT',
    ],
  );
});

test('docs/errors.md lists every alarm of a gateway, how it goes and what to do', (t) => {
  const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const [, rest = ''] = text.split('\n# Alarms of a gateway\n');
  const [chapter = ''] = rest.split('\n# ');
  const rows = [...chapter.matchAll(/^\| (EDGE_\w+) \| (.*?) \| (.*?) \| (.{20,}) \|$/gm)];
  t.deepEqual(
    rows.map(([, code = '', goes, meaning]) => ({ code, goes, meaning })),
    Object.entries(GATEWAY_ALARMS).map(([code, { stands, meaning }]) => ({
      ...{ code, goes: stands ? 'by itself' : 'when cleared', meaning },
    })),
  );
});
