import test from 'ava';
import { deviceKey, lineageKey, propertyKey } from '../store/tables.js';
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

test('reported: a row of an older generation is a delayed message of it; one of a later is refused', (t) => {
  const bench = ready();
  bench.open({ boot: hex('2'), state: { value: 0, forks: [] } });
  bench.announce(announceRow(2));
  bench.state(stateRow(3, 3, { gen: 1 }));
  t.deepEqual(bench.rows.get('reported', TEMPERATURE)?.version, version(1, 3));
  bench.state(stateRow(1, 1));
  t.deepEqual(bench.rows.get('reported', TEMPERATURE)?.version, version(2, 1));
  bench.state(stateRow(9, 9, { gen: 1 }));
  t.deepEqual(bench.rows.get('reported', TEMPERATURE)?.version, version(2, 1));
  t.is(bench.rows.get('lineages', lineageKey('gw-1', bench.lineage))?.maxState, 2);
  for (const gen of [2, 3])
    t.is(only(bench.state(stateRow(7, 7, { gen })), 'ack')[0]?.rejects[0]?.code, 'EDGE_PROTOCOL');
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

test('Authorization.Enable=false: reported: a node may not speak of another node’s device, and it is counted', (t) => {
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

test('E39: devices: more of them than one node may have are refused', (t) => {
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

test('devices: rows of before a later life do not show in the life that a restored store brings back', (t) => {
  const bench = ready();
  bench.announce(announceRow(9, { incarnation: version(1, 9) }));
  bench.state(stateRow(10, 10, { incarnation: version(1, 9) }));
  bench.open({ boot: hex('2'), state: { value: 5, forks: [] } });
  bench.announce(announceRow(6));
  const late = bench.state(stateRow(4, 4, { gen: 1 }));
  t.is(counted(late, 'rowsObsolete'), 1);
  t.is(bench.rows.get('reported', TEMPERATURE), undefined);
  bench.state(stateRow(7, 7));
  t.deepEqual(bench.rows.get('reported', TEMPERATURE)?.version, version(2, 7));
});
