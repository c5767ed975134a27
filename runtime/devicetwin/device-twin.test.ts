import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import type { Device, DeviceId } from '#protocol/device.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type { Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { Value } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { DeviceTwin } from './device-twin.js';
import { POT, TAP } from './test-twins.js';
import type { TwinChange } from './twin-access.js';
import type { Uplink } from './twin-event.js';

const METER: Device = {
  ...TAP,
  properties: [
    { ...POT, minimum: 0, maximum: 100 },
    { ...POT, name: 'label', type: 'string', access: 'ReadOnly' },
  ],
};

async function gateway(storage = new MemoryStorage(), devices: readonly Device[] = [METER]) {
  const clock = new ManualClock();
  const random = seededRandom(storage.actions + 1);
  const store = await openStore<GatewayTables>(storage, { clock, random, log: silentLog });
  const meta = await MetaStore.open(store, { clock, random, log: silentLog });
  const twins = new DeviceTwin({ meta, devices, clock, log: silentLog });
  const changes: TwinChange[] = [];
  const uplinks: { uplink: Uplink; whole: boolean }[] = [];
  twins.subscribe((change) => changes.push(change));
  twins.onDurable((uplink, whole) => uplinks.push({ uplink, whole }));
  await turns();
  return { storage, clock, meta, twins, changes, uplinks };
}

/** Lets everything run that only waits for microtasks; the storage in memory does. */
async function turns(): Promise<void> {
  for (let i = 0; i < 500; i++) await Promise.resolve();
}

function reading(value: Value, more: Partial<Reading> = {}): Reading {
  const base = { property: 'level', quality: 'good', timestamp: 5, appliedVersion: NO_VERSION };
  return { ...base, value, ...more } as Reading;
}

const report = (twins: DeviceTwin, value: Value, more: Partial<Reading> = {}, id?: string) =>
  twins.report({ device: METER.id, readings: [reading(value, more)] }, id);

function level(twins: DeviceTwin) {
  return twins.device(METER.id)!.properties[0]!;
}

test('a report is seen at once, and told of when it is durable', async (t) => {
  const { twins, changes, uplinks } = await gateway();
  const told = changes.length;
  const durable = report(twins, 42, {}, 'event-1');
  t.is(level(twins).reported!.value, 42);
  t.is(changes.length, told);
  await durable;
  const change = changes.at(-1)!;
  t.is(change.kind, 'reported');
  t.is(change.kind === 'membership' ? '' : change.eventId, 'event-1');
  t.is(uplinks.at(-1)!.uplink.rows[0]!.value, 42);
  t.like(level(twins), { state: 'in-sync', unsent: true });
});

test('reports keep their order and changes follow it', async (t) => {
  const { twins, changes } = await gateway();
  await Promise.all(Array.from({ length: 50 }, (_, i) => report(twins, i)));
  const seen = changes.flatMap((change) =>
    change.kind === 'reported' ? change.changes.map(({ view }) => view.reported!.value) : [],
  );
  t.deepEqual(
    seen,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test('what cannot be stored is refused whole, with a code', async (t) => {
  const { twins } = await gateway();
  const good = reading(1);
  const refused = async (device: DeviceId, bad: Reading, code: string): Promise<void> => {
    await t.throwsAsync(() => twins.report({ device, readings: [good, bad] }), { code });
  };
  await refused('default/other', good, 'EDGE_NO_DEVICE');
  await refused(METER.id, reading(1, { property: 'none' }), 'EDGE_NO_PROPERTY');
  await refused(METER.id, reading('text'), 'EDGE_TYPE');
  await refused(METER.id, reading(null), 'EDGE_TYPE');
  await refused(METER.id, reading(1, { timestamp: Number.NaN }), 'EDGE_TYPE');
  await refused(METER.id, reading(1, { reason: 'x'.repeat(10_000) }), 'EDGE_LIMIT');
  const long = 'x'.repeat(9000);
  await refused(METER.id, reading(long, { property: 'label' }), 'EDGE_LIMIT');
  const readings = Array.from({ length: GATEWAY_LIMITS.readingsPerReport + 1 }, () => good);
  await t.throwsAsync(() => twins.report({ device: METER.id, readings }), { code: 'EDGE_LIMIT' });
  t.is(level(twins).reported, undefined);
});

test('a value outside the declared range is kept and bad', async (t) => {
  const { twins } = await gateway();
  await report(twins, 101);
  t.like(level(twins).reported, { value: 101, quality: 'bad', reason: 'EDGE_OUT_OF_RANGE' });
  t.like(level(twins), { state: 'failed', reason: 'EDGE_OUT_OF_RANGE' });
  await report(twins, null, { quality: 'bad', reason: 'EDGE_DEVICE_TIMEOUT' });
  t.like(level(twins), { state: 'failed', reason: 'EDGE_DEVICE_TIMEOUT' });
});

test('a value is fresh for some report cycles, and never one of an earlier process', async (t) => {
  const { storage, twins, clock } = await gateway();
  await report(twins, 1);
  t.is(level(twins).state, 'in-sync');
  clock.advance(GATEWAY_LIMITS.staleFloorMs + 1);
  t.is(level(twins).state, 'stale');
  const next = await gateway(storage.crash(seededRandom(1)));
  t.like(level(next.twins), { state: 'stale', unsent: true });
  t.is(level(next.twins).reported!.value, 1);
});

test('a local write is checked, durable, and pending until the hub decides', async (t) => {
  const { twins, changes, uplinks } = await gateway();
  const write = (property: string, value: Value) =>
    twins.writeLocal({ device: METER.id, property, value, actor: 'cli' });
  await t.throwsAsync(() => write('label', 'x'), { code: 'EDGE_READ_ONLY' });
  await t.throwsAsync(() => write('level', 'x'), { code: 'EDGE_TYPE' });
  await t.throwsAsync(() => write('level', 101), { code: 'EDGE_RANGE' });
  await t.throwsAsync(() => write('none', 1), { code: 'EDGE_NO_PROPERTY' });
  const { lid } = await write('level', 7);
  t.like(level(twins), { pendingLocal: 7, state: 'pending' });
  t.like(changes.at(-1), { kind: 'desired', source: 'local' });
  t.deepEqual(uplinks.at(-1)!.uplink.locals[0]!.writes[0]!.lid, lid);
});

test('while the storage refuses, reports reject, memory and listeners are served (P11)', async (t) => {
  const { storage, twins, changes, uplinks, clock } = await gateway();
  await report(twins, 1);
  storage.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  const before = uplinks.length;
  await t.throwsAsync(() => report(twins, 2), { code: 'EDGE_STORAGE' });
  await t.throwsAsync(() => report(twins, 3), { code: 'EDGE_STORAGE' });
  t.is(level(twins).reported!.value, 3);
  t.like(changes.at(-1), { kind: 'reported' });
  t.is(uplinks.length, before, 'nothing leaves for the hub before it is durable (I1)');
  const applied: string[] = [];
  const row = { device: METER.id, incarnation: twins.device(METER.id)!.incarnation };
  const desired = { ...row, property: 'level', version: { gen: 1, n: 1 }, value: 5 };
  void twins.apply({ kind: 'desired', rows: [desired] }).then(() => applied.push('desired'));
  await turns();
  t.deepEqual(applied, [], 'STORED waits for the storage (I2)');

  storage.heal();
  for (let i = 0; i < 30 && applied.length === 0; i++) {
    clock.advance(1000);
    await turns();
  }
  t.is(applied.length, 1);
  t.is(uplinks.at(-1)!.whole, true);
  t.is(uplinks.at(-1)!.uplink.rows[0]!.value, 3);
  await report(twins, 4);
});

test('what was acknowledged survives a power cut, whatever it tears', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const { storage, twins } = await gateway();
    await report(twins, seed);
    void report(twins, seed + 1).catch(() => undefined);
    const next = await gateway(storage.crash(seededRandom(seed)));
    const { value } = level(next.twins).reported!;
    t.true(value === seed || value === seed + 1, `seed ${seed}`);
    t.true(level(next.twins).unsent);
  }
});

test('an acknowledgement is visible at once and durable without a sync of its own', async (t) => {
  const { storage, twins, meta, clock } = await gateway();
  await report(twins, 1);
  const { syncs } = meta.stats();
  const n = level(twins).reported!.version.n;
  const reported = [{ device: METER.id, property: 'level', n }];
  twins.applySoon({ kind: 'acknowledged', rows: { reported, announced: [] } });
  t.false(level(twins).unsent);
  await turns();
  t.is(meta.stats().syncs, syncs);
  clock.advance(GATEWAY_LIMITS.lazyCommitMs);
  await turns();
  t.is(meta.stats().syncs, syncs + 1);
  const next = await gateway(storage.crash(seededRandom(1)));
  t.false(level(next.twins).unsent);
});

test('a listener that throws harms nobody', async (t) => {
  const { twins } = await gateway();
  let heard = 0;
  const stop = twins.subscribe(() => {
    throw new TypeError('listener');
  });
  twins.subscribe(() => heard++);
  await report(twins, 1);
  t.is(heard, 1);
  t.is(twins.counters()['listenerErrors'], 1);
  stop();
  await report(twins, 2);
  t.is(twins.counters()['listenerErrors'], 1);
});

test('reports that wait for the storage are bounded', async (t) => {
  const { twins } = await gateway();
  const all = Array.from({ length: GATEWAY_LIMITS.pendingCommits + 10 }, () => report(twins, 1));
  const results = await Promise.allSettled(all);
  t.is(results.filter(({ status }) => status === 'rejected').length, 10);
});

test('more devices than one transaction holds are configured', async (t) => {
  const description = 'd'.repeat(400);
  const devices = Array.from({ length: 300 }, (_, i) => ({
    ...METER,
    id: `default/d${i}`,
    properties: Array.from({ length: 10 }, (_p, p) => ({ ...POT, name: `p${p}`, description })),
  }));
  const { twins, uplinks, storage } = await gateway(new MemoryStorage(), devices);
  t.is(twins.devices().length, 300);
  t.is(uplinks.at(-1)!.uplink.announcements.length, 300);
  const next = await gateway(storage.crash(seededRandom(3)), devices);
  t.is(next.twins.device('default/d299')!.incarnation.n, 300);
});

test('membership is told when the configuration changes', async (t) => {
  const { twins, changes } = await gateway();
  const other = { ...METER, id: 'default/other' };
  await twins.reload([other]);
  const change = changes.at(-1)!;
  t.is(change.kind, 'membership');
  if (change.kind === 'membership') {
    t.deepEqual(
      change.added.map(({ id }) => id),
      ['default/other'],
    );
    t.deepEqual(change.removed, [METER.id]);
  }
  t.is(twins.device(METER.id), undefined);
});
