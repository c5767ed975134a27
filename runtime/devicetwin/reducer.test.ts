import test from 'ava';
import { compareVersions, NO_VERSION } from '#protocol/twin.js';
import type { Value } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { POT, TAP, TestTwins } from './test-twins.js';
import { wholeUplink, writeTarget } from './twin-rows.js';

test('a report takes a number with its row and is unsent, an unchanged one too', (t) => {
  const g = new TestTwins();
  const before = g.sv;
  const first = g.report(1);
  const second = g.report(1);
  t.is(g.row()!.n, before + 2);
  t.true(g.unsent());
  t.deepEqual(
    first.uplink.rows.map((row) => row.n),
    [before + 1],
  );
  t.deepEqual(
    second.uplink.rows.map((row) => row.n),
    [before + 2],
  );
  t.deepEqual(
    second.puts.map((put) => put.table),
    ['numbering', 'reported'],
  );
  const [touched] = second.touched;
  t.is(touched?.kind === 'reported' ? touched.before?.version.n : 0, before + 1);
});

test('only the acknowledgement of the very version clears unsent (H4)', (t) => {
  const g = new TestTwins();
  g.report(1);
  const { n } = g.row()!;
  g.report(2);
  const ack = (number: number): void => {
    const reported = [{ device: TAP.id, property: 'level', n: number }];
    g.do({ kind: 'acknowledged', rows: { reported, announced: [] } });
  };
  ack(n);
  t.true(g.unsent());
  ack(n + 1);
  t.false(g.unsent());
});

test('a property that stays on the gateway is numbered but never sent', (t) => {
  const g = new TestTwins();
  const { uplink } = g.report(1, { property: 'secret' });
  t.deepEqual(uplink.rows, []);
  t.is(g.row('secret')!.value, 1);
  t.deepEqual(
    wholeUplink(g.tables).announcements[0]!.description!.properties.map((p) => p.name),
    ['level', 'open'],
  );
});

test('devices: new ones begin a life, changed ones keep it, gone ones leave a tombstone', (t) => {
  const g = new TestTwins();
  const first = g.incarnation;
  t.is(first.n, 1);
  const unchanged = g.do({ kind: 'devices', devices: [TAP] });
  t.deepEqual(unchanged.puts, []);
  const changed = g.do({ kind: 'devices', devices: [{ ...TAP, model: 'valve' }] });
  t.deepEqual(g.incarnation, first);
  t.is(changed.uplink.announcements[0]!.n, 2);
  t.deepEqual(changed.added, []);

  g.welcome();
  g.report(1);
  g.desired(5, 50);
  g.local(7);
  g.ended();
  const gone = g.do({ kind: 'devices', devices: [] });
  t.deepEqual(gone.removed, [TAP.id]);
  t.is(gone.uplink.announcements[0]!.description, null);
  for (const table of ['reported', 'acknowledged', 'desired', 'applied', 'locals'] as const)
    t.is(g.tables.rows(table).size, 0, table);

  const back = g.do({ kind: 'devices', devices: [TAP] });
  t.deepEqual(back.added, [TAP.id]);
  t.true(compareVersions(g.incarnation, first) > 0);
  const late = { device: TAP.id, incarnation: first, property: 'level' };
  g.do({ kind: 'desired', rows: [{ ...late, version: { gen: 1, n: 9 }, value: 1 }] });
  t.is(g.tables.rows('desired').size, 0, 'desired of the old life changes nothing (I8)');
});

test('rows of a property that left the configuration are forgotten', (t) => {
  const g = new TestTwins();
  g.report(1);
  g.report(1, { property: 'open' });
  g.do({ kind: 'devices', devices: [{ ...TAP, properties: [POT] }] });
  t.deepEqual([...g.tables.rows('reported').keys()], [`${TAP.id}/level`]);
});

test('acknowledged tombstones are bounded', (t) => {
  const g = new TestTwins([]);
  for (let i = 0; i < GATEWAY_LIMITS.tombstones + 3; i++) {
    g.tables.apply([
      {
        table: 'devices',
        key: `default/d${i}`,
        row: { incarnation: { gen: 1, n: i }, n: i, description: null },
      },
      { table: 'announced', key: `default/d${i}`, row: i },
    ]);
  }
  g.do({ kind: 'devices', devices: [] });
  t.is(g.tables.rows('devices').size, GATEWAY_LIMITS.tombstones);
  t.is(g.tables.get('devices', 'default/d0'), undefined);
});

test('desired: newer is stored, older and equal are not', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  t.is(g.desired(4, 40).puts.length, 0);
  t.is(g.desired(5, 51).puts.length, 0);
  t.is(g.tables.get('desired', `${TAP.id}/level`)!.value, 50);
  t.is(g.tables.get('identity', 'self')!.maxDesired, 5);
  t.deepEqual(g.target(), { version: { gen: 1, n: 5 }, value: 50 });
});

test('a write that ended is applied; one that failed for good too, with a bad report', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  g.ended();
  t.is(g.target(), undefined);
  t.deepEqual(g.tables.get('applied', `${TAP.id}/level`), { version: { gen: 1, n: 5 } });
  g.report(49);
  g.desired(6, 60);
  g.ended(true, 'EDGE_DEVICE_EXCEPTION');
  t.is(g.target(), undefined);
  t.like(g.row(), {
    value: 49,
    quality: 'bad',
    reason: 'EDGE_DEVICE_EXCEPTION',
    label: { gen: 1, n: 6 },
  });
});

test('a write that may be tried again stays wanted and says why', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  g.ended(false, 'EDGE_DEVICE_TIMEOUT');
  t.is(g.target()!.value, 50);
  t.like(g.row(), { value: null, quality: 'bad', label: { gen: 1, n: 5 } });
});

test('a life that began before the first contact is in the hub’s generation, also where the hub knows it', (t) => {
  const g = new TestTwins();
  t.deepEqual(g.incarnation, { gen: 0, n: 1 });
  g.welcome({ known: { state: 5, samples: 0 } });
  t.deepEqual(g.incarnation, { gen: 1, n: 1 });
});

test('the end of a write to an earlier life of the device changes nothing', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  const target = g.target()!;
  const { incarnation } = g;
  g.do({ kind: 'devices', devices: [] });
  g.do({ kind: 'devices', devices: [TAP] });
  const base = { device: TAP.id, property: 'level', target } as const;
  t.deepEqual(g.do({ kind: 'write-ended', incarnation, ...base }).puts, []);
});

test('a label of a mapper elsewhere says that its write has ended', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  g.report(49, { appliedVersion: { gen: 1, n: 4 } });
  t.is(g.target()!.value, 50);
  g.report(50, { appliedVersion: { gen: 1, n: 5 } });
  t.is(g.target(), undefined);
});

test('the value of the document is wanted once, and again when it changes', (t) => {
  const document = { ...POT, desired: 3 };
  const g = new TestTwins();
  const wants = (value: Value) => writeTarget(g.tables, TAP, { ...POT, desired: value });
  t.deepEqual(wants(3), { version: NO_VERSION, value: 3, fromDocument: true });
  const { incarnation } = g;
  const ended = { device: TAP.id, property: 'level', incarnation, target: wants(3)! } as const;
  g.do({ kind: 'write-ended', ...ended });
  t.is(wants(3), undefined);
  t.is(wants(4)!.value, 4);
  g.welcome();
  g.desired(1, 9);
  t.is(writeTarget(g.tables, TAP, document)!.value, 9);
});
