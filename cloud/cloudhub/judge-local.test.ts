import test from 'ava';
import { NO_VERSION } from '#protocol/twin.js';
import { HUB_LIMITS } from '../limits.js';
import { conflictKey, propertyKey } from '../store/tables.js';
import { MachineBench, announceRow, only, version } from './machine-bench.js';

/** An open session with one announced boiler. */
function ready(): MachineBench {
  const bench = new MachineBench();
  bench.open();
  bench.announce(announceRow(1));
  return bench;
}

const TARGET = propertyKey('gw-1', 'default/boiler', 'target');

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

test('local: a chain goes on across a fork of the gateway (H37)', (t) => {
  const bench = ready();
  const chainStart = version(1, 5);
  bench.local({ lid: chainStart, value: 33 });
  bench.local({ lid: version(2, 6), chainStart, value: 44 });
  const third = bench.local({ lid: version(2, 7), chainStart, value: 55 });
  t.is(only(third, 'local-result')[0]?.outcome, 'ok');
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
