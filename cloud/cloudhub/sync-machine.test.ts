import test from 'ava';
import { digestRows } from '#protocol/digest.js';
import type { DeviceDigest } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import { HUB_LIMITS } from '../limits.js';
import { conflictKey, deviceKey, propertyKey } from '../store/tables.js';
import type { Effect } from './judgement.js';
import {
  MachineBench,
  announceRow,
  boiler,
  counted,
  hex,
  only,
  stateRow,
  version,
} from './machine-bench.js';

/** An open session with one announced boiler. */
function ready(): MachineBench {
  const bench = new MachineBench();
  bench.open();
  bench.announce(announceRow(1));
  return bench;
}

const TEMPERATURE = propertyKey('gw-1', 'default/boiler', 'temperature');
const TARGET = propertyKey('gw-1', 'default/boiler', 'target');
const kinds = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));

test('reported: a newer row is applied, watchers hear of it, then it is acknowledged', (t) => {
  const effects = ready().state(stateRow(2, 20.5, { timestamp: 77 }));
  const order = kinds(effects).filter((kind) => kind !== 'count');
  t.deepEqual(order, ['reported', 'ack']);
  t.deepEqual(only(effects, 'ack')[0]?.rejects, []);
});

test('reported: what is kept carries generation, quality, reason, time and label', (t) => {
  const bench = ready();
  bench.state(
    stateRow(2, null, {
      quality: 'bad',
      reason: 'EDGE_DEVICE_TIMEOUT',
      desiredVersion: version(1, 9),
    }),
  );
  t.deepEqual(bench.rows.get('reported', TEMPERATURE), {
    version: version(1, 2),
    value: null,
    quality: 'bad',
    reason: 'EDGE_DEVICE_TIMEOUT',
    timestamp: 5,
    desiredVersion: version(1, 9),
  });
});

test('reported: messages in any order, each property keeps its newest, every one is acknowledged (H1, H25)', (t) => {
  const bench = ready();
  const acks = [
    bench.state(stateRow(3, 1, { property: 'target' })),
    bench.state(stateRow(2, 20)),
    bench.state(stateRow(5, 21)),
    bench.state(stateRow(4, 99)),
    bench.state(stateRow(5, 21)),
  ].map((effects) => only(effects, 'ack').length);
  t.deepEqual(acks, [1, 1, 1, 1, 1]);
  t.is(bench.rows.get('reported', TEMPERATURE)?.value, 21);
  t.is(bench.rows.get('reported', TARGET)?.value, 1);
});

test('reported: a duplicate commits nothing and publishes nothing', (t) => {
  const bench = ready();
  bench.state(stateRow(2, 20));
  const message = { kind: 'state', epoch: bench.epoch, id: 9, rows: [stateRow(2, 20)] } as const;
  const judged = bench.machine.judge(
    { kind: 'message', session: bench.session, message },
    { nowMs: 0, wallMs: 0 },
  );
  t.deepEqual(judged.puts, []);
  t.deepEqual(
    kinds(judged.effects).filter((kind) => kind !== 'count'),
    ['ack'],
  );
});

test('reported: rejected rows are named by code and accounted for, the others are applied', (t) => {
  const bench = ready();
  const effects = bench.state(
    stateRow(2, 1, { device: 'default/unknown' }),
    stateRow(3, 2, { property: 'nonsense' }),
    stateRow(4, 3, { incarnation: version(1, 4) }),
    stateRow(5, 4),
  );
  t.deepEqual(only(effects, 'ack')[0]?.rejects, [
    { row: 0, code: 'EDGE_NO_DEVICE' },
    { row: 1, code: 'EDGE_NO_PROPERTY' },
    { row: 2, code: 'EDGE_INCARNATION' },
  ]);
  t.is(bench.rows.get('reported', TEMPERATURE)?.value, 4);
  t.is(counted(effects, 'rowsApplied'), 1);
  t.is(counted(effects, 'rowsRejected'), 3);
});

test('reported: a node may not speak of another node’s device, and it is counted', (t) => {
  const bench = new MachineBench({
    ownerOf: (device) => (device === 'default/theirs' ? 'gw-2' : undefined),
  });
  bench.open();
  const effects = bench.state(stateRow(1, 1, { device: 'default/theirs' }));
  t.deepEqual(only(effects, 'ack')[0]?.rejects, [{ row: 0, code: 'EDGE_FORBIDDEN' }]);
  t.is(counted(effects, 'foreignRows'), 1);
  t.is(bench.rows.all('reported').size, 0);
});

test('reported: after a fork the same number is newer in the new generation', (t) => {
  const bench = ready();
  bench.state(stateRow(60, 20));
  bench.open({ boot: hex('2'), state: { value: 55, forks: [{ boot: hex('2'), before: 50 }] } });
  bench.announce(announceRow(51));
  bench.state(stateRow(55, 30));
  t.deepEqual(bench.rows.get('reported', TEMPERATURE)?.version, version(2, 55));
});

test('devices: announced, changed and ended; each once, the newest wins in any order', (t) => {
  const bench = ready();
  t.deepEqual(
    kinds(bench.announce(announceRow(1))).filter((kind) => kind !== 'count'),
    ['ack'],
  );
  const ended = bench.announce(announceRow(7, { description: null }));
  t.true(kinds(ended).includes('device-removed'));
  const late = bench.announce(announceRow(5));
  t.false(kinds(late).includes('device'));
  t.is(only(late, 'ack').length, 1);
  t.is(bench.rows.get('devices', deviceKey('gw-1', 'default/boiler'))?.description, null);
  t.is(only(bench.state(stateRow(6, 1)), 'ack')[0]?.rejects[0]?.code, 'EDGE_NO_DEVICE');
});

test('devices: a new life begins with an empty twin, and rows of the old life change nothing (H21)', (t) => {
  const bench = ready();
  bench.state(stateRow(2, 20));
  bench.setDesired(30);
  bench.local({ lid: version(1, 3), base: version(1, 1) });
  bench.announce(announceRow(9, { incarnation: version(1, 9) }));
  t.is(bench.rows.all('reported').size, 0);
  t.is(bench.rows.all('desired').size, 0);
  t.is(bench.rows.all('locals').size, 0);
  const late = bench.state(stateRow(8, 99));
  t.deepEqual(only(late, 'ack')[0]?.rejects, [{ row: 0, code: 'EDGE_INCARNATION' }]);
  const local = bench.local({ lid: version(1, 8) });
  t.like(only(local, 'local-result')[0], { outcome: 'rejected', code: 'EDGE_INCARNATION' });
  t.is(bench.rows.all('reported').size + bench.rows.all('desired').size, 0);
});

test('devices: the same life with other properties keeps the twin of those that stay', (t) => {
  const bench = ready();
  bench.state(stateRow(2, 20), stateRow(3, 5, { property: 'target' }));
  const [temperature] = boiler().properties;
  bench.announce(announceRow(4, { description: boiler('default/boiler', [temperature!]) }));
  t.deepEqual([...bench.rows.all('reported').keys()], [TEMPERATURE]);
});

test('devices: an id that another node owns is refused, shown as an alarm, and let go when it is free', (t) => {
  let owner: string | undefined = 'gw-2';
  const bench = new MachineBench({ ownerOf: () => owner });
  bench.open();
  for (let again = 0; again < 2; again++) {
    const effects = bench.announce(announceRow(1));
    t.deepEqual(only(effects, 'ack')[0]?.rejects, [{ row: 0, code: 'EDGE_DEVICE_TAKEN' }]);
  }
  const alarms = () => bench.rows.get('nodes', 'gw-1')?.alarms.map(({ code }) => code);
  t.deepEqual(alarms(), ['EDGE_DEVICE_TAKEN']);
  t.is(bench.rows.all('devices').size, 0);
  owner = undefined;
  bench.announce(announceRow(2));
  t.deepEqual(alarms(), []);
  t.is(bench.rows.all('devices').size, 1);
});

test('devices: more of them than one node may have are refused', (t) => {
  const bench = new MachineBench();
  bench.open();
  let refused = 0;
  for (let batch = 0; batch < 5; batch++) {
    const rows = Array.from({ length: 1000 }, (_, index) => {
      const n = batch * 1000 + index + 1;
      return announceRow(n, { device: `default/d${n}`, description: boiler(`default/d${n}`, []) });
    });
    refused += only(bench.announce(...rows), 'ack')[0]?.rejects.length ?? 0;
  }
  t.is(refused, 5000 - 4096);
});

test('devices: absence deletes nothing (H28)', (t) => {
  const bench = ready();
  bench.open({ boot: hex('2'), lastEpoch: 1, state: { value: 1, forks: [] } });
  bench.announce(announceRow(2, { device: 'default/other' }));
  t.is(bench.rows.all('devices').size, 2);
});

test('devices: an announcement that is too large for a transaction is split, and acknowledged once', (t) => {
  const bench = new MachineBench();
  bench.open();
  const unit = 'u'.repeat(500);
  const rows = Array.from({ length: 10 }, (_, index) => {
    const device = `default/d${index}`;
    const properties = Array.from({ length: 200 }, (_, own) => ({
      ...boiler().properties[0]!,
      name: `p${own}`,
      unit,
    }));
    return announceRow(index + 1, { device, description: boiler(device, properties) });
  });
  const message = { kind: 'announce', epoch: bench.epoch, id: 1, rows } as const;
  const event = { kind: 'message', session: bench.session, message } as const;
  const first = bench.machine.judge(event, { nowMs: 0, wallMs: 0 });
  t.true(JSON.stringify(first.puts).length < 1024 * 1024);
  t.not(first.rest, undefined);
  const effects = bench.step(event);
  t.is(only(effects, 'ack').length, 1);
  t.is(bench.rows.all('devices').size, 10);
});

test('local: on the present version it is accepted under a new one, which goes down as an echo', (t) => {
  const bench = ready();
  const base = bench.setDesired(10).version;
  const effects = bench.local({ lid: version(1, 5), base, value: 33 });
  const [result] = only(effects, 'local-result');
  t.like(result, { outcome: 'ok', version: version(1, 2) });
  t.like(bench.rows.get('desired', TARGET), { value: 33, origin: version(1, 5) });
  t.deepEqual(only(effects, 'desired')[0]?.rows[0]?.origin, version(1, 5));
});

test('local: the same one again repeats its outcome, an older one is superseded (H17)', (t) => {
  const bench = ready();
  const first = bench.local({ lid: version(1, 5), value: 33 });
  const again = bench.local({ lid: version(1, 5), value: 33 });
  t.deepEqual(only(again, 'local-result')[0], only(first, 'local-result')[0]);
  t.is(only(bench.local({ lid: version(1, 4) }), 'local-result')[0]?.outcome, 'superseded');
  t.is(bench.rows.get('desired', TARGET)?.value, 33);
  t.is(bench.rows.all('conflicts').size, 0);
});

test('local: the second of a chain on one base is accepted (H18), another chain is not', (t) => {
  const bench = ready();
  bench.local({ lid: version(1, 5), value: 33 });
  const second = bench.local({ lid: version(1, 6), chainStart: version(1, 5), value: 44 });
  t.is(only(second, 'local-result')[0]?.outcome, 'ok');
  const other = bench.local({ lid: version(1, 8), chainStart: version(1, 8), value: 55 });
  t.is(only(other, 'local-result')[0]?.outcome, 'conflict');
  t.is(bench.rows.get('desired', TARGET)?.value, 44);
});

test('local: after a write of the cloud it conflicts; both values are kept, the cloud’s stands', (t) => {
  const bench = ready();
  bench.setDesired(10);
  const lid = version(1, 5);
  const effects = bench.local({ lid, value: 33 });
  t.is(only(effects, 'local-result')[0]?.outcome, 'conflict');
  t.like(bench.rows.get('conflicts', conflictKey('gw-1', lid)), {
    local: 33,
    cloud: { version: version(1, 1), value: 10 },
    base: NO_VERSION,
  });
  t.is(only(bench.local({ lid, value: 33 }), 'local-result')[0]?.outcome, 'conflict');
  t.is(bench.rows.all('conflicts').size, 1);
});

test('local: the record of conflicts is bounded, the oldest makes room', (t) => {
  const bench = ready();
  bench.setDesired(10);
  for (let n = 5; n < 10 + HUB_LIMITS.conflictsPerNode; n++) bench.local({ lid: version(1, n) });
  t.is(bench.rows.all('conflicts').size, HUB_LIMITS.conflictsPerNode);
  t.is(bench.rows.get('conflicts', conflictKey('gw-1', version(1, 5))), undefined);
});

test('local: what a property cannot take is rejected with its code', (t) => {
  const bench = ready();
  const code = (parts: Parameters<MachineBench['local']>[0]) =>
    only(bench.local(parts), 'local-result')[0]?.code;
  t.is(code({ lid: version(1, 2), value: 91 }), 'EDGE_RANGE');
  t.is(code({ lid: version(1, 3), value: 'hot' }), 'EDGE_TYPE');
  t.is(code({ lid: version(1, 4), property: 'temperature' }), 'EDGE_READ_ONLY');
  t.is(code({ lid: version(1, 5), property: 'nonsense' }), 'EDGE_NO_PROPERTY');
  t.is(code({ lid: version(1, 6), device: 'default/unknown' }), 'EDGE_NO_DEVICE');
});

test('desired: type, range, access and version are checked; a refusal changes nothing', (t) => {
  const bench = ready();
  const code = (value: number | string, parts = {}) =>
    t.throws(() => bench.setDesired(value, parts), { name: 'EdgeError' }).message;
  t.regex(code(91), /above the maximum/);
  t.regex(code('hot'), /whole number/);
  t.regex(code(1, { property: 'temperature' }), /read-only/);
  t.regex(code(1, { property: 'nonsense' }), /no property/);
  t.regex(code(1, { ifVersion: version(1, 7) }), /not 1\.7/);
  t.is(bench.rows.all('desired').size, 0);
  const { version: first } = bench.setDesired(1, { ifVersion: NO_VERSION });
  t.deepEqual(bench.setDesired(2, { ifVersion: first }).version, version(1, 2));
});

test('desired: numbers go on over restarts of the hub, remembered by its boots', (t) => {
  const bench = ready();
  bench.setDesired(1);
  bench.restart();
  t.is(bench.setDesired(2).version.n, 2);
  t.deepEqual(
    bench.rows.get('numberings', 'gw-1')?.forks.map(({ before }) => before),
    [1],
  );
});

/** The digest of the boiler as the hub's rows would give it, or with other hashes. */
function digestOf(bench: MachineBench, parts: Partial<DeviceDigest> = {}): DeviceDigest {
  const rows = (table: 'reported' | 'desired') =>
    ['temperature', 'target'].flatMap((property) => {
      const row = bench.rows.get(table, propertyKey('gw-1', 'default/boiler', property));
      return row === undefined ? [] : [{ property, version: row.version, value: row.value }];
    });
  return {
    device: 'default/boiler',
    incarnation: version(1, 1),
    reported: digestRows(rows('reported')),
    desired: digestRows(rows('desired')),
    ...parts,
  };
}

function digest(bench: MachineBench, state: number, ...devices: DeviceDigest[]): Effect[] {
  const { epoch } = bench;
  return bench.say({ kind: 'digest', epoch, state, desired: 0, devices });
}

test('digest: equal asks for nothing; a difference is asked for', (t) => {
  const bench = ready();
  bench.state(stateRow(2, 20));
  t.is(only(digest(bench, 2, digestOf(bench)), 'resend').length, 0);
  const differing = digest(bench, 2, digestOf(bench, { reported: hex('0') }));
  t.deepEqual(only(differing, 'resend')[0]?.devices, ['default/boiler']);
});

test('digest: a row that came after the digest was made skips the round (T19)', (t) => {
  const bench = ready();
  bench.state(stateRow(2, 20));
  const made = digestOf(bench);
  bench.state(stateRow(3, 21));
  t.is(only(digest(bench, 2, made), 'resend').length, 0);
  t.is(only(digest(bench, 3, made), 'resend').length, 1);
});

test('digest: unknown, ended and other lives of a device are asked for, those of others are not', (t) => {
  const bench = ready();
  const asked = (...devices: DeviceDigest[]) =>
    only(digest(bench, 1, ...devices), 'resend')[0]?.devices;
  t.deepEqual(asked(digestOf(bench, { device: 'default/unknown' })), ['default/unknown']);
  t.deepEqual(asked(digestOf(bench, { incarnation: version(1, 9) })), ['default/boiler']);
  const other = new MachineBench({ ownerOf: () => 'gw-2' });
  other.open();
  const effects = digest(other, 1, digestOf(other));
  t.is(only(effects, 'resend').length, 0);
  t.is(counted(effects, 'foreignRows'), 1);
});

test('digest: a counter below what HELLO settled is BYE diverged', (t) => {
  const bench = ready();
  bench.state(stateRow(20, 1));
  bench.open({ lastEpoch: 1, state: { value: 20, forks: [] } });
  const effects = digest(bench, 19);
  t.is(only(effects, 'bye')[0]?.reason, 'diverged');
  t.is(bench.machine.session, undefined);
});

test('down: nothing before the digest; what is equal counts as stored, what differs is sent', (t) => {
  const bench = ready();
  const { version: stored } = bench.setDesired(10);
  const opened = bench.open({ lastEpoch: 1, state: { value: 1, forks: [] } });
  t.is(only(opened, 'desired').length, 0);
  t.false(bench.machine.isStored(TARGET, stored));
  t.is(only(digest(bench, 1, digestOf(bench)), 'desired').length, 0);
  t.true(bench.machine.isStored(TARGET, stored));

  bench.open({ lastEpoch: 2, state: { value: 1, forks: [] } });
  t.false(bench.machine.isStored(TARGET, stored), 'nothing is believed over sessions (H27)');
  const differing = digest(bench, 1, digestOf(bench, { desired: hex('0') }));
  const [message] = only(differing, 'desired');
  t.like(message?.rows[0], { property: 'target', value: 10, version: stored });
  t.false(bench.machine.isStored(TARGET, stored));
  const effects = bench.say({ kind: 'stored', epoch: bench.epoch, id: message?.id ?? 0 });
  t.true(bench.machine.isStored(TARGET, stored));
  t.deepEqual(kinds(effects), ['desired'], 'watchers hear that it is stored');
});

test('down: a device whose digest does not come in time is sent everything, once', (t) => {
  const bench = ready();
  bench.setDesired(10);
  bench.open({ lastEpoch: 1, state: { value: 1, forks: [] } });
  bench.nowMs += HUB_LIMITS.digestWithinMs - 1;
  t.is(only(bench.step({ kind: 'tick' }), 'desired').length, 0);
  t.true(bench.machine.tickDueMs <= bench.nowMs + 1);
  bench.nowMs += 1;
  t.is(only(bench.step({ kind: 'tick' }), 'desired').length, 1);
  t.is(bench.machine.tickDueMs, Infinity);
});

test('down: nothing leaves before the gateway answered WELCOME', (t) => {
  const bench = ready();
  bench.hello({ lastEpoch: 1, state: { value: 1, forks: [] } });
  bench.setDesired(10);
  t.is(only(bench.last, 'desired').length, 0);
  const effects = bench.say({ kind: 'ready', epoch: bench.epoch });
  t.is(only(effects, 'desired').length, 1);
});

test('down: few messages are in flight, the newest value waits for its turn', (t) => {
  const bench = ready();
  let sent: Effect[] = [];
  for (let value = 0; value < 50; value++) {
    bench.setDesired(value);
    sent = [...sent, ...bench.last];
  }
  const messages = only(sent, 'desired');
  t.is(messages.length, HUB_LIMITS.desiredInFlight);
  const next = bench.say({ kind: 'stored', epoch: bench.epoch, id: messages[0]?.id ?? 0 });
  t.deepEqual(
    only(next, 'desired')[0]?.rows.map(({ value }) => value),
    [49],
  );
});

test('down: a gateway that holds other values under the same numbers gets new numbers (H30, T20)', (t) => {
  const bench = ready();
  bench.setDesired(10);
  bench.say({ kind: 'stored', epoch: bench.epoch, id: 1 });
  digest(bench, 1, digestOf(bench));
  const flipped = digestOf(bench, { desired: hex('0') });
  t.is(counted(digest(bench, 1, flipped), 'repairsMade'), 0, 'it may be a late digest');
  const effects = digest(bench, 1, flipped);
  t.is(counted(effects, 'repairsMade'), 1);
  const [row] = only(effects, 'desired')[0]?.rows ?? [];
  t.deepEqual([row?.version, row?.value], [version(1, 2), 10]);
  const { id } = only(effects, 'desired')[0]!;
  bench.say({ kind: 'stored', epoch: bench.epoch, id });
  const quiet = digest(bench, 1, digestOf(bench));
  t.is(only(quiet, 'desired').length + only(quiet, 'resend').length, 0);
});

test('down: RESEND gives new numbers, not more often than the limit', (t) => {
  const bench = ready();
  bench.setDesired(10);
  const ask = () =>
    bench.say({
      kind: 'resend',
      epoch: bench.epoch,
      devices: ['default/boiler', 'default/boiler'],
    });
  t.deepEqual(only(ask(), 'desired')[0]?.rows[0]?.version, version(1, 2));
  t.is(only(ask(), 'desired').length, 0);
  bench.nowMs += HUB_LIMITS.repairEveryMs;
  t.is(only(ask(), 'desired').length, 1);
});

test('down: values for a device whose life ended are forgotten', (t) => {
  const bench = ready();
  for (let value = 0; value < 20; value++) bench.setDesired(value);
  bench.announce(announceRow(9, { description: null }));
  const effects = bench.say({ kind: 'stored', epoch: bench.epoch, id: 1 });
  t.is(only(effects, 'desired').length, 0);
});
