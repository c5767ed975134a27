import test from 'ava';
import { digestRows } from '#protocol/digest.js';
import { LIMITS } from '#protocol/limits.js';
import { encodeMessage } from '#protocol/message-codec.js';
import type { DeviceDigest } from '#protocol/sync-message.js';
import type { Effect } from '../cloudhub/judgement.js';
import {
  MachineBench,
  announceRow,
  counted,
  hex,
  only,
  stateRow,
  version,
} from '../cloudhub/machine-bench.js';
import { HUB_LIMITS } from '../limits.js';
import type { NodeRows } from '../store/node-rows.js';
import { propertyKey } from '../store/tables.js';
import { Downlink } from './downlink.js';

/** An open session with one announced boiler. */
function ready(): MachineBench {
  const bench = new MachineBench();
  bench.open();
  bench.announce(announceRow(1));
  return bench;
}

const TARGET = propertyKey('gw-1', 'default/boiler', 'target');
const kinds = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));

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
  bench.step({ kind: 'closed', session: bench.session });
  bench.hello({ lastEpoch: 1, state: { value: 1, forks: [] } });
  bench.setDesired(10);
  t.is(only(bench.last, 'desired').length, 0);
  bench.say({ kind: 'ready', epoch: bench.epoch });
  bench.nowMs += HUB_LIMITS.digestWithinMs;
  t.is(only(bench.step({ kind: 'tick' }), 'desired').length, 1);
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

test('down: a DESIRED that was never answered is sent again when a late digest shows the lack', (t) => {
  const bench = ready();
  digest(bench, 1, digestOf(bench));
  const none = digestOf(bench);
  for (let value = 0; value < 50; value++) bench.setDesired(value);
  t.is(only(digest(bench, 1, none), 'desired').length, 0, 'its answer may be on its way');
  bench.nowMs += HUB_LIMITS.storedWithinMs;
  const [message] = only(digest(bench, 1, none), 'desired');
  t.deepEqual(
    message?.rows.map(({ value }) => value),
    [49],
  );
});

test('down: lost answers do not block the way when a digest says that all is stored', (t) => {
  const bench = ready();
  digest(bench, 1, digestOf(bench));
  for (let value = 0; value < HUB_LIMITS.desiredInFlight; value++) bench.setDesired(value);
  bench.nowMs += HUB_LIMITS.storedWithinMs;
  t.is(only(digest(bench, 1, digestOf(bench)), 'desired').length, 0);
  bench.setDesired(77);
  t.is(only(bench.last, 'desired')[0]?.rows[0]?.value, 77);
});

test('rows of which a newer peer said much leave in messages that a peer takes', (t) => {
  const record = { version: version(1, 7), value: 1, later: ['\u{20ac}'.repeat(1_000)] };
  const rows = {
    name: 'gw-1',
    get: (table: string) => (table === 'desired' ? record : { incarnation: version(1, 1) }),
    all: () => new Map(),
  } as unknown as NodeRows;
  const downlink = new Downlink(rows, { isTaken: false });
  for (let index = 0; index < HUB_LIMITS.desiredRows; index++)
    downlink.changed('default/boiler', `p${index}`);
  const messages = downlink.take(0);
  t.true(messages.length > 1);
  t.is(
    messages.reduce((sum, { rows: sent }) => sum + sent.length, 0),
    HUB_LIMITS.desiredRows,
  );
  for (const message of messages)
    t.true(encodeMessage({ ...message, epoch: 1 }).length <= LIMITS.messageBytes);
});
