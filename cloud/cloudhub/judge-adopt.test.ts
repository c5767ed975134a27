import fc from 'fast-check';
import test from 'ava';
import type { Adopt, DesiredRow } from '#protocol/sync-message-desired.js';
import { propertyKey } from '../store/tables.js';
import type { Effect } from './judgement.js';
import { MachineBench, announceRow, boiler, counted, hex, only, version } from './machine-bench.js';

const TARGETS = ['target', 'second', 'third'] as const;

const WIDE = boiler('default/boiler', [
  { name: 'temperature', type: 'float', access: 'ReadOnly', reportCycleMs: 1000 },
  ...TARGETS.map((name) => ({
    name,
    type: 'int' as const,
    access: 'ReadWrite' as const,
    reportCycleMs: 1000,
  })),
]);

const row = (property: string, n: number, value: number, parts: Partial<DesiredRow> = {}) => ({
  ...{ device: 'default/boiler', incarnation: version(1, 1), property },
  ...{ version: version(1, n), value, ...parts },
});

/** A hub at number `n` that was restored: its gateway presents 97. */
function restored(n = 1): MachineBench {
  const bench = new MachineBench();
  const { hubLineage, hubBoot } = bench.welcome();
  bench.say({ kind: 'ready', epoch: bench.epoch });
  bench.announce(announceRow(1, { description: WIDE }));
  for (let value = 1; value <= n; value++) bench.setDesired(value);
  bench.welcome({
    ...{ hubLineage, hubBoots: [hubBoot], maxDesired: 97, lastEpoch: 1, hubGen: 1 },
    state: { value: 1, forks: [] },
  });
  bench.say({ kind: 'ready', epoch: bench.epoch });
  return bench;
}

function adopt(bench: MachineBench, rows: readonly DesiredRow[], parts: Partial<Adopt> = {}) {
  const { epoch } = bench;
  return bench.say({ kind: 'adopt', epoch, id: 1, rows, devices: [], last: true, ...parts });
}

const desired = (bench: MachineBench, property: string) =>
  bench.rows.get('desired', propertyKey('gw-1', 'default/boiler', property));
const node = (bench: MachineBench) => bench.rows.get('nodes', 'gw-1');
const codes = (bench: MachineBench) => node(bench)?.alarms.map(({ code }) => code);
const sent = (effects: readonly Effect[]) =>
  only(effects, 'desired').flatMap(({ rows }) =>
    rows.map(({ property, value }) => [property, value]),
  );

test('adoption: what this hub forgot is the gateway’s, under a new number, and says since when', (t) => {
  const bench = restored();
  const effects = adopt(bench, [row('target', 97, 50, { origin: version(1, 9) })]);
  t.deepEqual(only(effects, 'ack')[0]?.rejects, []);
  t.like(desired(bench, 'target'), {
    version: version(2, 98),
    value: 50,
    origin: version(1, 9),
    since: version(1, 97),
    actor: 'adopted:gw-1',
  });
  t.deepEqual(sent(effects), [['target', 50]]);
  t.is(counted(effects, 'desiredAdopted'), 1);
  t.like(node(bench), { adoptMark: null, alarms: [] });
});

test('adoption: what both know is the hub’s; what only the hub has stays', (t) => {
  const bench = restored(3);
  bench.setDesired(8, { property: 'second' });
  adopt(bench, [row('target', 2, 2)]);
  t.like(desired(bench, 'target'), { version: version(1, 3), value: 3 });
  t.is(desired(bench, 'second')?.value, 8);
  t.is(bench.rows.all('conflicts').size, 0);
});

test('adoption: what was written since the restore stands; another value of the gateway is a conflict', (t) => {
  const bench = restored(1);
  bench.setDesired(60);
  adopt(bench, [row('target', 97, 50)]);
  t.is(desired(bench, 'target')?.value, 60);
  t.is(desired(bench, 'target')?.version.gen, 2);
  t.deepEqual(
    Array.from(bench.rows.all('conflicts'), ([, { local, cloud }]) => [local, cloud.value]),
    [[50, 60]],
  );
});

test('adoption: values of before the finding get numbers of the new history, asked for or not', (t) => {
  const bench = new MachineBench();
  const { hubLineage, hubBoot } = bench.welcome();
  bench.say({ kind: 'ready', epoch: bench.epoch });
  bench.announce(announceRow(1, { description: WIDE }));
  bench.restart();
  bench.setDesired(7);
  bench.setDesired(8, { property: 'second' });
  bench.welcome({
    ...{ hubLineage, hubBoots: [hubBoot], maxDesired: 97, lastEpoch: 1, hubGen: 1 },
    state: { value: 1, forks: [] },
  });
  bench.say({ kind: 'ready', epoch: bench.epoch });
  const effects = adopt(bench, [row('target', 90, 50)]);
  for (const [property, value] of [
    ['target', 7],
    ['second', 8],
  ] as const) {
    t.is(desired(bench, property)?.value, value);
    t.is(desired(bench, property)?.version.gen, 2);
  }
  t.deepEqual(sent(effects).sort(), [
    ['second', 8],
    ['target', 7],
  ]);
});

test('adoption: the mark stays until the last chunk, nothing desired leaves before it (I14)', (t) => {
  const bench = restored();
  t.deepEqual(sent(adopt(bench, [row('target', 97, 50)], { last: false })), []);
  t.is(node(bench)?.adoptMark, 1);
  t.deepEqual(codes(bench), ['EDGE_HUB_RESTORED']);
  t.deepEqual(sent(adopt(bench, [row('second', 96, 51)])).sort(), [
    ['second', 51],
    ['target', 50],
  ]);
  t.is(node(bench)?.adoptMark, null);
});

test('adoption: a row that cannot be taken over is named, shown, and blocks nothing', (t) => {
  const bench = restored();
  const effects = adopt(bench, [
    row('target', 97, 50, { device: 'default/unknown' }),
    row('target', 97, 50, { incarnation: version(1, 7) }),
    row('nonsense', 97, 50),
    row('temperature', 97, 50),
    row('second', 97, 50),
  ]);
  t.deepEqual(
    only(effects, 'ack')[0]?.rejects.map(({ code }) => code),
    ['EDGE_NO_DEVICE', 'EDGE_INCARNATION', 'EDGE_NO_PROPERTY', 'EDGE_READ_ONLY'],
  );
  t.is(desired(bench, 'second')?.value, 50);
  t.deepEqual(codes(bench), ['EDGE_NOT_ADOPTED']);
  t.is(counted(effects, 'desiredNotAdopted'), 4);
});

test('adoption: a node cannot hand over what is of another one', (t) => {
  const bench = new MachineBench({ ownerOf: () => 'gw-2' });
  bench.open({ hubLineage: hex('e'), maxDesired: 97 });
  const effects = adopt(bench, [row('target', 97, 50)]);
  t.is(only(effects, 'ack')[0]?.rejects[0]?.code, 'EDGE_FORBIDDEN');
  t.is(bench.rows.all('desired').size, 0);
});

test('adoption: nobody asked, nothing happens', (t) => {
  const bench = new MachineBench();
  bench.open();
  bench.announce(announceRow(1, { description: WIDE }));
  const effects = adopt(bench, [row('target', 97, 50)]);
  t.is(only(effects, 'ack').length, 1);
  t.is(bench.rows.all('desired').size, 0);
});

test('adoption: numbers out of reach are refused at HELLO', (t) => {
  for (const far of [{ maxDesired: 2 ** 52 }, { hubGen: 2 ** 40 }, { gen: 2 ** 40 }]) {
    const bench = new MachineBench();
    t.is(only(bench.hello({ hubLineage: hex('e'), ...far }), 'bye')[0]?.reason, 'refused');
  }
});

test('adoption: a session that is lost after any chunk, and wishes in between, change nothing in the end', (t) => {
  const values = fc.record({
    gateway: fc.array(
      fc.record({ property: fc.constantFrom(...TARGETS), n: fc.integer({ min: 2, max: 97 }) }),
    ),
    wishes: fc.array(fc.record({ property: fc.constantFrom(...TARGETS), at: fc.nat(6) })),
    cuts: fc.array(fc.nat(3), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(values, ({ gateway, wishes, cuts }) => {
      const bench = restored(1);
      const held = new Map(gateway.map(({ property, n }) => [property, row(property, n, n % 90)]));
      const wished = new Map<string, number>();
      let step = 0;
      const wish = (): void => {
        for (const { property } of wishes.filter(({ at }) => at === step)) {
          wished.set(property, 30 + step);
          bench.setDesired(30 + step, { property });
        }
        step++;
      };
      const chunks = [...held.values()];
      for (const cut of [...cuts, Infinity]) {
        wish();
        const { hubLineage = '', hubGen = 1 } = node(bench) ?? {};
        const welcome = bench.welcome({
          ...{ hubLineage, hubGen, hubBoots: [hex('c1')], maxDesired: 97, lastEpoch: 9 },
          state: { value: 1, forks: [] },
        });
        if (!welcome.adopt) throw new TypeError('the adoption was forgotten');
        bench.say({ kind: 'ready', epoch: bench.epoch });
        if (cut === Infinity && chunks.length === 0) adopt(bench, []);
        for (const [at, chunk] of chunks.entries()) {
          if (at >= cut) break;
          adopt(bench, [chunk], { last: cut === Infinity && at === chunks.length - 1 });
        }
      }
      for (const property of TARGETS) {
        const own = held.get(property)?.value;
        const first = property === 'target' ? 1 : undefined;
        const expected = wished.get(property) ?? own ?? first;
        const hub = desired(bench, property);
        if (hub?.value !== expected)
          throw new TypeError(
            `${property}: ${JSON.stringify(hub)} instead of ${JSON.stringify(expected)}`,
          );
        const theirs = held.get(property)?.version;
        if (theirs !== undefined && hub !== undefined && hub.version.gen <= theirs.gen)
          throw new TypeError(`${property}: the gateway would ignore it`);
      }
      if (node(bench)?.adoptMark !== null) throw new TypeError('not done');
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});
