import test from 'ava';
import fc from 'fast-check';
import { compareVersions, NO_VERSION } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { deviceDigest } from './device-digest.js';
import { BOOT, TAP, TestTwins } from './test-twins.js';
import { wholeUplink } from './twin-rows.js';

test('WELCOME of the first contact moves everything into the generation', (t) => {
  const g = new TestTwins();
  g.report(1);
  const lid = g.local(51);
  g.ended();
  t.is(lid.gen, 0);
  g.welcome({ hubBoot: 'c000000000000002', earlierHubBoots: ['c000000000000001'] });
  t.is(g.incarnation.gen, 1);
  t.deepEqual(wholeUplink(g.tables).locals[0]!.writes[0]!.lid, { gen: 1, n: lid.n });
  t.is(g.target(), undefined, 'the local write is not written twice');
  t.like(g.tables.get('identity', 'self'), {
    gen: 1,
    lastEpoch: 1,
    hubBoots: ['c000000000000001', 'c000000000000002'],
  });
});

test('a hub that went back: all is sent again under its own number, also what is below the highest it has', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.report(1);
  g.ackAll();
  const { n } = g.row()!;
  const known = { state: g.sv, samples: 0 };
  g.welcome({ known });
  t.false(g.unsent(), 'the same hub has it');
  t.is(wholeUplink(g.tables).announcements.length, 0);
  g.welcome({ known, hubLineage: 'restored' });
  t.true(g.unsent());
  t.is(g.row()!.n, n);
  t.is(wholeUplink(g.tables).announcements.length, 1);
  g.ackAll();
  g.welcome({ known, hubLineage: 'restored' });
  t.false(g.unsent(), 'once');
});

test('a fork: what the hub has is stale and never sent again, what is newer is unsent', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.report(1);
  g.report(2, { property: 'open' });
  g.ackAll();
  const known = g.sv - 1;
  const { incarnation } = g;
  const { touched } = g.welcome({ gen: 2, fork: true, known: { state: known, samples: 0 } });
  t.deepEqual(
    touched.map((entry) => entry.property),
    ['level'],
  );
  t.true(g.row()!.stale);
  t.false(g.unsent());
  t.true(g.unsent('open'));
  t.is(g.row('open')!.n, known + 1);
  t.deepEqual(g.incarnation, incarnation, 'the hub has seen this life');
  t.is(wholeUplink(g.tables).announcements.length, 1, 'devices are announced anew');
  g.do({ kind: 'renumber', devices: [TAP.id] });
  t.false(g.unsent(), 'stale rows are never used for repair (H11)');
  t.is(deviceDigest(g.tables, TAP.id), undefined);
  g.report(3);
  t.is(g.row()!.stale, undefined);
  t.true(g.unsent());
});

test('a fork: what the hub may lack is sent as of its own generation, uncertain, and never renumbered', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.report(1);
  const { n } = g.row()!;
  g.welcome({ gen: 2, fork: true, known: { state: g.sv, samples: 0 } });
  const sent = () => wholeUplink(g.tables).rows.find(({ property }) => property === 'level');
  t.like(sent(), { n, gen: 1, value: 1, quality: 'uncertain', reason: 'EDGE_NOT_READ' });
  g.do({ kind: 'renumber', devices: [TAP.id] });
  t.is(sent()?.n, n);
  g.welcome({ gen: 3, fork: true, known: { state: g.sv, samples: 0 } });
  t.like(sent(), { n, gen: 1 }, 'it keeps the generation that it had');
  g.do({
    kind: 'acknowledged',
    rows: { reported: [{ device: TAP.id, property: 'level', n }], announced: [] },
  });
  t.is(sent(), undefined);
  g.report(2);
  t.like(sent(), { value: 2, quality: 'good' });
  t.is(sent()?.gen, undefined);
});

test('a resync gives up what is stale: its generation may be another store’s by now', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.report(1);
  g.welcome({ gen: 2, fork: true, known: { state: g.sv, samples: 0 } });
  t.true(g.unsent());
  g.welcome({ gen: 7, resync: true });
  t.false(g.unsent());
  t.true(g.row()!.stale);
});

test('desired values of a backup give way to those of the hub, unless the hub adopts them', (t) => {
  const desiredAfter = (adopt: boolean, fork: boolean) => {
    const g = new TestTwins();
    g.welcome();
    g.desired(5, 50);
    g.local(6, 'secret');
    g.welcome({
      gen: 2,
      fork,
      resync: !fork,
      adopt,
      known: { state: fork ? g.sv : 0, samples: 0 },
    });
    return [...g.tables.rows('desired').keys()];
  };
  for (const fork of [true, false]) {
    t.deepEqual(desiredAfter(false, fork), [`${TAP.id}/secret`]);
    t.deepEqual(desiredAfter(true, fork), [`${TAP.id}/level`, `${TAP.id}/secret`]);
  }
});

test('a store that went back does not know what its devices hold: what is desired is written again', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  g.ended();
  g.report(50, { appliedVersion: { gen: 1, n: 5 } });
  t.is(g.target(), undefined);
  g.welcome({ gen: 2, fork: true, known: { state: g.sv, samples: 0 } });
  t.is(g.target(), undefined, 'nothing is desired before the hub says so');
  g.desired(5, 50);
  g.report(60, { appliedVersion: { gen: 1, n: 5 } });
  t.deepEqual(g.target(), { version: { gen: 1, n: 5 }, value: 50 });
  g.ended();
  t.is(g.target(), undefined);
  const { touched } = g.welcome({
    gen: 3,
    fork: true,
    adopt: true,
    known: { state: g.sv, samples: 0 },
  });
  t.true(
    touched.some(({ kind }) => kind === 'desired'),
    'the writer looks, though nothing comes',
  );
  t.deepEqual(g.target(), { version: { gen: 1, n: 5 }, value: 50 });
});

test('a fork moves lives and local writes that the hub cannot have seen', (t) => {
  const g = new TestTwins();
  g.welcome();
  const known = 0;
  const lid = g.local(51);
  g.welcome({ gen: 2, fork: true, known: { state: known, samples: 0 } });
  t.deepEqual(g.incarnation, { gen: 2, n: 1 });
  t.deepEqual(wholeUplink(g.tables).locals[0]!.writes[0]!.lid, { gen: 2, n: lid.n });
});

test('a resync gives everything fresh numbers', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.report(1);
  g.ackAll();
  const before = g.sv;
  g.welcome({ gen: 2, resync: true });
  t.true(g.row()!.n > before);
  t.true(g.unsent());
  t.is(wholeUplink(g.tables).announcements.length, 1);
});

test('a resync goes on with the lives of devices; those that were never named get its generation', (t) => {
  const g = new TestTwins();
  g.welcome({ gen: 5, resync: true });
  t.deepEqual(g.incarnation, { gen: 5, n: 1 });
  g.welcome({ gen: 7, resync: true });
  t.deepEqual(g.incarnation, { gen: 5, n: 1 });
});

test('a hub that knows less than it acknowledged gets it again under the same numbers', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.report(1);
  g.ackAll();
  const { n } = g.row()!;
  t.deepEqual(wholeUplink(g.tables), { announcements: [], rows: [], locals: [] });
  g.welcome({ known: { state: 0, samples: 0 } });
  t.is(wholeUplink(g.tables).rows[0]!.n, n);
  t.is(wholeUplink(g.tables).announcements.length, 1);
});

test('numbers of a process are forks until CONFIRM', (t) => {
  const g = new TestTwins();
  t.deepEqual(g.tables.get('numbering', 'state')!.forks, [{ boot: BOOT, before: 0 }]);
  g.do({ kind: 'confirmed' });
  t.like(g.tables.get('numbering', 'state'), { metIn: BOOT, forks: [] });
  t.deepEqual(g.do({ kind: 'confirmed' }).puts, []);
  g.boot = 'b000000000000002';
  const before = g.sv;
  g.report(1);
  t.deepEqual(g.tables.get('numbering', 'state')!.forks, [{ boot: g.boot, before }]);
});

test('whatever happens, versions of a property never go down and rows stay valid', (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('report'), value: fc.integer() } as const),
    fc.record({ kind: fc.constant('desired'), n: fc.integer({ min: 1, max: 20 }) } as const),
    fc.record({ kind: fc.constant('local'), value: fc.integer() } as const),
    fc.record({ kind: fc.constant('ended'), fails: fc.boolean() } as const),
    fc.record({ kind: fc.constant('ack') } as const),
    fc.record({ kind: fc.constant('resend') } as const),
    fc.record({ kind: fc.constant('welcome'), fork: fc.boolean(), resync: fc.boolean() } as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const g = new TestTwins();
      let gen = 0;
      let last = NO_VERSION;
      let stored = NO_VERSION;
      let maxDesired = 0;
      for (const s of steps) {
        const before = g.sv;
        if (s.kind === 'report') g.report(s.value);
        else if (s.kind === 'desired') g.desired(s.n, s.n);
        else if (s.kind === 'local') g.local(s.value);
        else if (s.kind === 'ack') g.ackAll();
        else if (s.kind === 'resend') g.do({ kind: 'renumber', devices: [TAP.id, 'x/y'] });
        else if (s.kind === 'welcome') {
          gen += s.fork || s.resync || gen === 0 ? 1 : 0;
          const fork = s.fork && !s.resync;
          const state = s.resync ? 0 : before;
          g.welcome({ gen, fork, resync: s.resync, known: { state, samples: 0 } });
        } else if (g.target() !== undefined) g.ended(true, s.fails ? 'EDGE_TIMEOUT' : undefined);
        t.true(g.sv >= before);
        const row = g.row();
        if (row !== undefined) {
          const version = { gen: row.gen ?? g.tables.get('identity', 'self')!.gen, n: row.n };
          t.true(compareVersions(version, last) >= 0);
          last = version;
          t.true(row.n <= g.sv);
        }
        const desired = g.tables.get('desired', `${TAP.id}/level`);
        // A fork drops what a backup had; until the hub sends its own there is none.
        if (desired !== undefined) t.true(compareVersions(desired.version, stored) >= 0);
        stored = desired?.version ?? NO_VERSION;
        const max = g.tables.get('identity', 'self')!.maxDesired;
        t.true(max >= maxDesired);
        maxDesired = max;
        const locals = g.tables.get('locals', `${TAP.id}/level`);
        t.true((locals?.lost.length ?? 0) <= GATEWAY_LIMITS.lostLocalWrites);
      }
      for (const row of wholeUplink(g.tables).rows)
        t.is(row.gen !== undefined, g.row(row.property)!.stale === true);
    }),
    { numRuns: 300 },
  );
});
