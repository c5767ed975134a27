import test from 'ava';
import fc from 'fast-check';
import type { Device, Property } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { FIRST_NUMBERING } from '#protocol/numbering.js';
import type { Welcome } from '#protocol/sync-message.js';
import { compareVersions, NO_VERSION } from '#protocol/twin.js';
import type { Value, Version } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MapTables } from '../metamanager/map-tables.js';
import { deviceDigest } from './device-digest.js';
import { reduce } from './reducer.js';
import type { Transition, TwinEvent } from './twin-event.js';
import { isUnsent, wholeUplink, writeTarget } from './twin-rows.js';

const BOOT = 'b000000000000001';
const POT: Property = {
  name: 'level',
  type: 'int',
  access: 'ReadWrite',
  reportCycleMs: 1000,
  collectCycleMs: 1000,
  reportToCloud: true,
};
const TAP: Device = {
  id: 'default/tap',
  model: 'tap',
  protocol: { protocolName: 'test', configData: {} },
  properties: [POT, { ...POT, name: 'open' }, { ...POT, name: 'secret', reportToCloud: false }],
};

class Gateway {
  tables = new MapTables();
  boot = BOOT;

  constructor(devices: readonly Device[] = [TAP]) {
    this.do({ kind: 'devices', devices });
  }

  do(event: TwinEvent): Transition {
    const transition = reduce(this.tables, this.boot, event);
    this.tables.apply(transition.puts);
    return transition;
  }

  report(value: Value, more: Partial<Reading> = {}): Transition {
    const reading: Reading = {
      property: 'level',
      value,
      quality: 'good',
      timestamp: 1,
      appliedVersion: NO_VERSION,
      ...more,
    };
    return this.do({ kind: 'readings', device: TAP.id, readings: [reading] });
  }

  welcome(change: Partial<Welcome> = {}): Transition {
    const { lineage, lastEpoch } = this.tables.get('identity', 'self')!;
    return this.do({
      kind: 'welcome',
      welcome: {
        kind: 'welcome',
        epoch: lastEpoch + 1,
        lineage,
        gen: 1,
        fork: false,
        resync: false,
        known: { state: 0, samples: 0 },
        hubLineage: 'a000000000000001',
        hubGen: 1,
        hubBoot: 'c000000000000001',
        adopt: false,
        protocol: 1,
        features: [],
        messageBytes: 65536,
        monotonicMs: 0,
        ...change,
      },
    });
  }

  ackAll(): void {
    const { rows, announcements } = wholeUplink(this.tables);
    this.do({ kind: 'acknowledged', rows: { reported: rows, announced: announcements } });
  }

  desired(n: number, value: Value, origin?: Version): Transition {
    const base = { device: TAP.id, incarnation: this.incarnation, property: 'level' };
    const row = { ...base, version: { gen: 1, n }, value };
    return this.do({ kind: 'desired', rows: [origin === undefined ? row : { ...row, origin }] });
  }

  local(value: Value, property = 'level'): Version {
    return this.do({ kind: 'local-write', device: TAP.id, property, value, actor: 'cli' }).lid!;
  }

  result(lid: Version, outcome: 'ok' | 'conflict' | 'superseded' | 'rejected', n?: number): void {
    const base = { kind: 'local-result', epoch: 1, device: TAP.id, property: 'level' } as const;
    const version = n === undefined ? {} : { version: { gen: 1, n } };
    this.do({ kind: 'local-result', result: { ...base, lid, outcome, ...version } });
  }

  get incarnation(): Version {
    return this.tables.get('devices', TAP.id)!.incarnation;
  }

  get sv(): number {
    return (this.tables.get('numbering', 'state') ?? FIRST_NUMBERING).value;
  }

  row(property = 'level') {
    return this.tables.get('reported', `${TAP.id}/${property}`);
  }

  target(property = POT) {
    return writeTarget(this.tables, TAP, property);
  }

  unsent(property = 'level'): boolean {
    return isUnsent(this.tables, TAP.id, property);
  }

  ended(final = true, code?: string): Transition {
    const failure = code === undefined ? {} : { failure: { code, final, timestamp: 9 } };
    return this.do({
      kind: 'write-ended',
      device: TAP.id,
      incarnation: this.incarnation,
      property: 'level',
      target: this.target()!,
      ...failure,
    });
  }
}

test('a report takes a number with its row and is unsent, an unchanged one too', (t) => {
  const g = new Gateway();
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
  const g = new Gateway();
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
  const g = new Gateway();
  const { uplink } = g.report(1, { property: 'secret' });
  t.deepEqual(uplink.rows, []);
  t.is(g.row('secret')!.value, 1);
  t.deepEqual(
    wholeUplink(g.tables).announcements[0]!.description!.properties.map((p) => p.name),
    ['level', 'open'],
  );
});

test('devices: new ones begin a life, changed ones keep it, gone ones leave a tombstone', (t) => {
  const g = new Gateway();
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
  const g = new Gateway();
  g.report(1);
  g.report(1, { property: 'open' });
  g.do({ kind: 'devices', devices: [{ ...TAP, properties: [POT] }] });
  t.deepEqual([...g.tables.rows('reported').keys()], [`${TAP.id}/level`]);
});

test('acknowledged tombstones are bounded', (t) => {
  const g = new Gateway([]);
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
  const g = new Gateway();
  g.welcome();
  g.desired(5, 50);
  t.is(g.desired(4, 40).puts.length, 0);
  t.is(g.desired(5, 51).puts.length, 0);
  t.is(g.tables.get('desired', `${TAP.id}/level`)!.value, 50);
  t.is(g.tables.get('identity', 'self')!.maxDesired, 5);
  t.deepEqual(g.target(), { version: { gen: 1, n: 5 }, value: 50 });
});

test('a write that ended is applied; one that failed for good too, with a bad report', (t) => {
  const g = new Gateway();
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
  const g = new Gateway();
  g.welcome();
  g.desired(5, 50);
  g.ended(false, 'EDGE_DEVICE_TIMEOUT');
  t.is(g.target()!.value, 50);
  t.like(g.row(), { value: null, quality: 'bad', label: { gen: 1, n: 5 } });
});

test('the end of a write to an earlier life of the device changes nothing', (t) => {
  const g = new Gateway();
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
  const g = new Gateway();
  g.welcome();
  g.desired(5, 50);
  g.report(49, { appliedVersion: { gen: 1, n: 4 } });
  t.is(g.target()!.value, 50);
  g.report(50, { appliedVersion: { gen: 1, n: 5 } });
  t.is(g.target(), undefined);
});

test('the value of the document is wanted once, and again when it changes', (t) => {
  const document = { ...POT, desired: 3 };
  const g = new Gateway();
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

test('local writes form a chain on one base (H18)', (t) => {
  const g = new Gateway();
  g.welcome();
  g.desired(5, 50);
  const first = g.local(51);
  const second = g.local(52);
  const { pending, lost } = g.tables.get('locals', `${TAP.id}/level`)!;
  t.like(pending, { lid: second, base: { gen: 1, n: 5 }, chainStart: first, value: 52 });
  t.deepEqual(lost, []);
  t.deepEqual(g.target(), { version: NO_VERSION, value: 52, lid: second });
  g.ended();
  t.is(g.target(), undefined);
});

test('an accepted local write becomes the desired value and is written under its version', (t) => {
  const g = new Gateway();
  g.welcome();
  const lid = g.local(51);
  g.ended();
  g.result(lid, 'ok', 7);
  t.is(g.tables.rows('locals').size, 0);
  t.like(g.tables.get('desired', `${TAP.id}/level`), { version: { gen: 1, n: 7 }, value: 51 });
  t.deepEqual(g.target(), { version: { gen: 1, n: 7 }, value: 51 });
});

test('own echoes: the older one is stored and not written, the present one ends the wait', (t) => {
  const g = new Gateway();
  g.welcome();
  const first = g.local(51);
  const second = g.local(52);
  g.desired(7, 51, first);
  t.deepEqual(g.target()!.lid, second);
  t.is(g.tables.get('desired', `${TAP.id}/level`)!.value, 51);
  g.desired(8, 52, second);
  t.is(g.tables.rows('locals').size, 0);
  t.deepEqual(g.target(), { version: { gen: 1, n: 8 }, value: 52 });
  g.result(second, 'ok', 8);
  t.is(g.tables.get('desired', `${TAP.id}/level`)!.version.n, 8);
});

test('a write of the cloud wins over a pending local one, which is recorded as lost', (t) => {
  const g = new Gateway();
  g.welcome();
  const first = g.local(51);
  g.desired(7, 70);
  t.is(g.target()!.value, 70);
  const second = g.local(52);
  const { uplink } = g.do({ kind: 'readings', device: TAP.id, readings: [] });
  t.deepEqual(uplink.locals, []);
  const [queue] = wholeUplink(g.tables).locals;
  t.deepEqual(
    queue!.writes.map((write) => write.lid),
    [first, second],
  );
  t.like(queue!.writes[1], { base: { gen: 1, n: 7 }, chainStart: second });
  g.result(first, 'conflict');
  t.is(wholeUplink(g.tables).locals[0]!.writes.length, 1);
  g.result(second, 'conflict');
  t.is(g.target()!.value, 70);
});

test('a conflict writes the stored desired value back', (t) => {
  const g = new Gateway();
  g.welcome();
  g.desired(5, 50);
  g.ended();
  const lid = g.local(51);
  g.ended();
  g.result(lid, 'conflict');
  t.deepEqual(g.target(), { version: { gen: 1, n: 5 }, value: 50 });
});

test('lost local writes are bounded and the dropped ones counted', (t) => {
  const g = new Gateway();
  g.welcome();
  let dropped = 0;
  for (let i = 0; i < GATEWAY_LIMITS.lostLocalWrites + 3; i++) {
    const event = { device: TAP.id, property: 'level', value: i, actor: 'cli' } as const;
    dropped += g.do({ kind: 'local-write', ...event }).droppedLocals;
    g.desired(10 + i, 100 + i);
  }
  t.is(g.tables.get('locals', `${TAP.id}/level`)!.lost.length, GATEWAY_LIMITS.lostLocalWrites);
  t.is(dropped, 2);
});

test('a local write of a property that stays here is its desired value', (t) => {
  const g = new Gateway();
  const lid = g.local(5, 'secret');
  t.deepEqual(g.tables.get('desired', `${TAP.id}/secret`), { version: lid, value: 5, origin: lid });
  t.is(g.tables.rows('locals').size, 0);
});

test('WELCOME of the first contact moves everything into the generation', (t) => {
  const g = new Gateway();
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

test('a fork: what the hub may know is stale and never sent, what is newer is unsent', (t) => {
  const g = new Gateway();
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

test('a fork moves lives and local writes that the hub cannot have seen', (t) => {
  const g = new Gateway();
  g.welcome();
  const known = 0;
  const lid = g.local(51);
  g.welcome({ gen: 2, fork: true, known: { state: known, samples: 0 } });
  t.deepEqual(g.incarnation, { gen: 2, n: 1 });
  t.deepEqual(wholeUplink(g.tables).locals[0]!.writes[0]!.lid, { gen: 2, n: lid.n });
});

test('a resync gives everything fresh numbers', (t) => {
  const g = new Gateway();
  g.welcome();
  g.report(1);
  g.ackAll();
  const before = g.sv;
  g.welcome({ gen: 2, resync: true });
  t.true(g.row()!.n > before);
  t.true(g.unsent());
  t.is(wholeUplink(g.tables).announcements.length, 1);
});

test('a hub that knows less than it acknowledged gets it again under the same numbers', (t) => {
  const g = new Gateway();
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
  const g = new Gateway();
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
      const g = new Gateway();
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
          const version = { gen: g.tables.get('identity', 'self')!.gen, n: row.n };
          t.true(compareVersions(version, last) >= 0);
          last = version;
          t.true(row.n <= g.sv);
        }
        const desired = g.tables.get('desired', `${TAP.id}/level`);
        if (desired !== undefined) {
          t.true(compareVersions(desired.version, stored) >= 0);
          stored = desired.version;
        }
        const max = g.tables.get('identity', 'self')!.maxDesired;
        t.true(max >= maxDesired);
        maxDesired = max;
        const locals = g.tables.get('locals', `${TAP.id}/level`);
        t.true((locals?.lost.length ?? 0) <= GATEWAY_LIMITS.lostLocalWrites);
      }
      for (const row of wholeUplink(g.tables).rows) t.true(g.row(row.property)!.stale !== true);
    }),
    { numRuns: 300 },
  );
});
