import test from 'ava';
import { NO_VERSION } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { TAP, TestTwins } from './test-twins.js';
import { wholeUplink } from './twin-rows.js';

test('local writes form a chain on one base (H18)', (t) => {
  const g = new TestTwins();
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
  const g = new TestTwins();
  g.welcome();
  const lid = g.local(51);
  g.ended();
  g.result(lid, 'ok', 7);
  t.is(g.tables.rows('locals').size, 0);
  t.like(g.tables.get('desired', `${TAP.id}/level`), { version: { gen: 1, n: 7 }, value: 51 });
  t.deepEqual(g.target(), { version: { gen: 1, n: 7 }, value: 51 });
});

test('own echoes: the older one is stored and not written, the present one ends the wait', (t) => {
  const g = new TestTwins();
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

test('an own echo across a fork is one of the chain (H37)', (t) => {
  const g = new TestTwins();
  g.welcome();
  const first = g.local(51);
  const sv = g.sv;
  g.welcome({ gen: 2, fork: true, known: { state: sv, samples: 0 } });
  const second = g.local(52);
  const third = g.local(53);
  t.deepEqual([first.gen, second.gen], [1, 2]);
  g.desired(7, 52, second);
  t.deepEqual(g.target()!.lid, third, 'not written over the newer one, which is not lost');
});

test('the value that a write stands on, sent again after a fork, is no write of the cloud (H38)', (t) => {
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  const lid = g.local(51);
  g.welcome({ gen: 2, fork: true, known: { state: g.sv, samples: 0 } });
  t.is(g.tables.get('desired', `${TAP.id}/level`), undefined, 'a backup gives way to the hub');
  g.desired(5, 50);
  t.like(g.tables.get('desired', `${TAP.id}/level`), { value: 50 });
  t.deepEqual(g.target()!.lid, lid);
  g.desired(6, 60);
  t.is(g.target()!.value, 60);
});

test('a write of the cloud wins over a pending local one, which is recorded as lost', (t) => {
  const g = new TestTwins();
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
  const g = new TestTwins();
  g.welcome();
  g.desired(5, 50);
  g.ended();
  const lid = g.local(51);
  g.ended();
  g.result(lid, 'conflict');
  t.deepEqual(g.target(), { version: { gen: 1, n: 5 }, value: 50 });
});

test('lost local writes are bounded and the dropped ones counted', (t) => {
  const g = new TestTwins();
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
  const g = new TestTwins();
  const lid = g.local(5, 'secret');
  t.deepEqual(g.tables.get('desired', `${TAP.id}/secret`), { version: lid, value: 5, origin: lid });
  t.is(g.tables.rows('locals').size, 0);
});
