import test from 'ava';
import { lineageKey } from '../store/tables.js';
import type { Effect } from './judgement.js';
import { MachineBench, announceRow, counted, hex, only, stateRow } from './machine-bench.js';

const [X, Y] = [hex('1'), hex('2')];

/** A session of process X of the gateway that stands, with number `n` delivered. */
function standing(n = 2): MachineBench {
  const bench = new MachineBench();
  bench.open({ boot: X, state: { value: n, forks: [{ boot: X, before: 0 }] } });
  bench.announce(announceRow(1));
  bench.state(stateRow(n, n));
  return bench;
}

const temperature = (bench: MachineBench) => bench.rows.all('reported').values().next().value;
const alarms = (bench: MachineBench) =>
  bench.rows.get('nodes', 'gw-1')?.alarms.map(({ code }) => code) ?? [];
const byes = (effects: readonly Effect[], session: number) =>
  effects.flatMap((effect) =>
    effect.kind === 'send' && effect.session === session && effect.message.kind === 'bye'
      ? [effect.message.reason]
      : [],
  );

test('HELLO alone takes nothing over: the older session stands and goes on', (t) => {
  const bench = standing();
  const older = { session: bench.session, epoch: bench.epoch };
  const effects = bench.hello({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  t.deepEqual(byes(effects, older.session), []);
  t.is(bench.machine.session, older.session);
  const row = { kind: 'state', epoch: older.epoch, id: 9, rows: [stateRow(3, 30)] } as const;
  t.is(only(bench.say(row, older.session), 'ack').length, 1);
  t.is(temperature(bench)?.value, 30);
});

test('the first message takes over: BYE superseded to the older, whose messages count for nothing', (t) => {
  const bench = standing();
  const older = { session: bench.session, epoch: bench.epoch };
  const effects = bench.open({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  t.deepEqual(byes(effects, older.session), ['superseded']);
  t.is(bench.machine.session, bench.session);
  const row = { kind: 'state', epoch: older.epoch, id: 9, rows: [stateRow(3, 30)] } as const;
  t.deepEqual(bench.say(row, older.session), [
    { kind: 'count', counter: 'supersededMessages', by: 1 },
  ]);
  t.is(temperature(bench)?.value, 2);
});

test('the end of a session that lost, or never took over, does not take the node offline', (t) => {
  const bench = standing();
  const [older] = bench.machine.sessions;
  bench.hello({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  t.deepEqual(bench.step({ kind: 'closed', session: bench.session }), []);
  t.deepEqual(bench.machine.sessions, [older]);
  bench.open({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  t.deepEqual(bench.step({ kind: 'closed', session: older ?? 0 }), []);
  t.deepEqual(bench.step({ kind: 'closed', session: bench.session }), [
    { kind: 'node', online: false },
  ]);
});

test('a late HELLO of a dead process neither supersedes its successor nor raises an alarm', (t) => {
  const bench = standing(50);
  // Y follows X on the same card and delivers more; then the last HELLO that X sent arrives.
  bench.open({ boot: Y, lastEpoch: 1, state: { value: 60, forks: [{ boot: Y, before: 50 }] } });
  const successor = { session: bench.session, epoch: bench.epoch };
  bench.state(stateRow(60, 60));
  const late = bench.hello({ boot: X, lastEpoch: 1, state: { value: 50, forks: [] } });
  t.deepEqual(byes(late, successor.session), []);
  t.is(bench.machine.session, successor.session);
  t.deepEqual(alarms(bench), []);
  t.is(bench.rows.get('nodes', 'gw-1')?.boot, Y);

  // Y goes on, also in its next session: no fork, no clone, nothing to read again.
  bench.step({ kind: 'closed', session: bench.session });
  const row = { kind: 'state', epoch: successor.epoch, id: 9, rows: [stateRow(61, 61)] } as const;
  t.is(only(bench.say(row, successor.session), 'ack').length, 1);
  const welcome = bench.welcome({ boot: Y, lastEpoch: 2, state: { value: 61, forks: [] } });
  t.like(welcome, { gen: 1, fork: false, resync: false, epoch: 4 });
  t.is(welcome.known.state, 61);
  bench.say({ kind: 'ready', epoch: bench.epoch });
  t.deepEqual(alarms(bench), []);
});

test('the older of two candidates cannot take over from the newer', (t) => {
  const bench = standing();
  bench.hello({ boot: X, lastEpoch: 1, state: { value: 2, forks: [] } });
  const first = { session: bench.session, epoch: bench.epoch };
  bench.open({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  const late = bench.say({ kind: 'ready', epoch: first.epoch }, first.session);
  t.is(counted(late, 'supersededMessages'), 1);
  t.is(bench.machine.session, bench.session);
});

test('rows that the older session brought after HELLO are not above a lower number that was told', (t) => {
  const bench = standing(50);
  const older = { session: bench.session, epoch: bench.epoch };
  // A backup at 50 seems to be the same history; then row 60 of the life it left behind arrives.
  const welcome = bench.welcome({ boot: Y, lastEpoch: 1, state: { value: 50, forks: [] } });
  t.false(welcome.fork);
  const row = { kind: 'state', epoch: older.epoch, id: 9, rows: [stateRow(60, 60)] } as const;
  bench.say(row, older.session);
  const effects = bench.say({ kind: 'ready', epoch: bench.epoch });
  t.deepEqual(byes(effects, bench.session), ['diverged']);
  t.is(bench.machine.session, older.session);
  t.deepEqual(alarms(bench), []);
  const again = bench.welcome({ boot: Y, lastEpoch: 2, state: { value: 50, forks: [] } });
  t.like(again, { fork: true, gen: 2 });
  t.is(again.known.state, 50);
});

test('a lineage that was offered and stored is no stranger when READY was lost', (t) => {
  const bench = standing(100);
  const fork = bench.welcome({ boot: Y, state: { value: 50, forks: [] } });
  t.like(fork, { fork: true, gen: 2 });
  const later = bench.welcome({
    boot: hex('3'),
    lineage: fork.lineage,
    lastEpoch: fork.epoch,
    state: { value: 55, forks: [{ boot: hex('3'), before: 50 }] },
  });
  t.like(later, { fork: false, resync: false, gen: 2, lineage: fork.lineage });
  t.is(later.known.state, 50);
  bench.say({ kind: 'ready', epoch: bench.epoch });
  t.is(bench.rows.get('lineages', lineageKey('gw-1', fork.lineage))?.offered, undefined);
});

test('a lineage that was only offered does not displace the current one', (t) => {
  const bench = standing(100);
  bench.welcome({ boot: Y, state: { value: 50, forks: [] } });
  const welcome = bench.welcome({ boot: X, lastEpoch: 1, state: { value: 100, forks: [] } });
  t.like(welcome, { fork: false, gen: 1, lineage: hex('a') });
});

test('a message of another epoch, or BYE, ends the candidate and not the session that stands', (t) => {
  const bench = standing();
  const older = bench.session;
  bench.hello({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  t.is(counted(bench.say({ kind: 'ready', epoch: 77 }), 'protocolErrors'), 1);
  bench.hello({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  bench.say({ kind: 'bye', reason: 'shutting-down', detail: '' });
  t.deepEqual(bench.machine.sessions, [older]);
});

test('candidates that never answer are bounded', (t) => {
  const bench = standing();
  for (let hello = 0; hello < 50; hello++)
    bench.hello({ boot: Y, lastEpoch: 1, state: { value: 2, forks: [] } });
  t.true(bench.machine.sessions.length < 12);
});
