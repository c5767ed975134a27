import test from 'ava';
import type { SyncMessage, Welcome } from '#protocol/sync-message.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { ANNOUNCED, FACTS, LIFE, local, Machine, row, WELCOME } from './test-machine.js';

test('HELLO first, READY when WELCOME is durable, rows only then', (t) => {
  const m = new Machine();
  m.durable({ rows: [row('a', 60)] });
  t.deepEqual(m.kinds, []);
  t.deepEqual(m.step({ kind: 'connected', facts: FACTS }).kinds, ['hello']);
  t.deepEqual(m.durable({ rows: [row('b', 61)] }).kinds, []);
  t.deepEqual(m.hear(WELCOME).kinds, []);
  t.deepEqual(
    m.others.map((effect) => effect.kind),
    ['apply'],
  );
  m.commit();
  t.deepEqual(m.kinds, ['ready', 'state']);
  t.deepEqual(m.rows, ['a60', 'b61']);
});

test('a WELCOME that is not newer, of another protocol, or that knows too much is refused', (t) => {
  const refused = (change: Partial<Welcome>) => {
    const m = new Machine()
      .step({ kind: 'connected', facts: FACTS })
      .hear({ ...WELCOME, ...change });
    const [effect] = m.others;
    return effect?.kind === 'close' ? [effect.code, effect.bye, ...m.kinds] : [];
  };
  t.deepEqual(refused({ epoch: 4 }), ['protocol', undefined], 'H26');
  t.deepEqual(refused({ messageBytes: 1000 }), ['protocol', 'unsupported', 'bye']);
  t.deepEqual(refused({ protocol: 2 }), ['protocol', 'unsupported', 'bye']);
  t.deepEqual(refused({ known: { state: 101, samples: 0 } }), ['protocol', undefined], 'I11');
});

test('what the hub may not say closes the session', (t) => {
  const early = new Machine().step({ kind: 'connected', facts: FACTS });
  t.is(early.hear({ kind: 'confirm', epoch: 5 }).others[0]?.kind, 'close');
  for (const kind of ['ready', 'stored', 'welcome'] as const) {
    const message = kind === 'welcome' ? WELCOME : ({ kind, epoch: 5, id: 1 } as SyncMessage);
    t.is(new Machine().live().hear(message).others[0]?.kind, 'close', kind);
  }
});

test('messages of another epoch are ignored', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60)] });
  const { id } = m;
  t.deepEqual(m.hear({ kind: 'ack', epoch: 4, id, rejects: [] }).others, []);
  t.is(m.machine.status().unsent, 1);
});

test('a burst becomes one message: newest per property, at most one a window', (t) => {
  const m = new Machine().live();
  t.deepEqual(m.durable({ rows: [row('a', 60)] }).rows, ['a60'], 'idle: at once');
  for (let n = 61; n < 80; n++) t.deepEqual(m.durable({ rows: [row('a', n)] }).rows, []);
  m.durable({ rows: [row('b', 80)] });
  t.is(m.machine.wakeAt(), m.now + GATEWAY_LIMITS.stateWindowMs);
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs - 1).rows, []);
  t.deepEqual(m.pass(1).rows, ['a79', 'b80']);
});

test('the read-back of a desired value does not wait for the window, what repeats it does', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60)] });
  const readBack = { desiredVersion: { gen: 1, n: 9 } };
  t.deepEqual(m.durable({ rows: [row('b', 61, readBack)] }).rows, []);
  t.is(m.machine.wakeAt(), m.now + GATEWAY_LIMITS.urgentWindowMs);
  t.deepEqual(m.pass(GATEWAY_LIMITS.urgentWindowMs).rows, ['b61']);
  t.deepEqual(m.durable({ rows: [row('b', 62, readBack)] }).rows, []);
  t.deepEqual(m.pass(GATEWAY_LIMITS.urgentWindowMs).rows, []);
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).rows, ['b62']);
});

test('an acknowledgement clears the version it names and nothing newer', (t) => {
  const m = new Machine().live();
  const { id } = m.durable({ rows: [row('a', 60)] });
  m.durable({ rows: [row('a', 61)] });
  m.ack(id);
  const soon = m.others.filter((effect) => effect.kind === 'apply-soon');
  t.deepEqual(
    soon.map(({ event }) => event.kind),
    ['confirmed', 'acknowledged'],
  );
  t.is(m.machine.status().unsent, 1);
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).rows, ['a61']);
  t.is(m.ack(m.id).others.length, 1);
  t.is(m.machine.status().unsent, 0);
});

test('what was in flight is sent again in the next session, also when it was acknowledged late', (t) => {
  const m = new Machine().live();
  const { id } = m.durable({ rows: [row('a', 60)] });
  m.step({ kind: 'disconnected' });
  t.deepEqual(m.ack(id).others, []);
  m.step({ kind: 'connected', facts: { ...FACTS, identity: { ...FACTS.identity, lastEpoch: 5 } } });
  m.hear({ ...WELCOME, epoch: 6 });
  t.deepEqual(m.commit().rows, ['a60']);
});

test('rejected rows are accounted for, so that they cannot block', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60)] });
  m.ack(m.id, [{ row: 0, code: 'EDGE_NO_PROPERTY' }]);
  t.is(m.machine.status().unsent, 0);
  t.is(m.machine.status().counters['rowsRejected'], 1);
  t.deepEqual(m.undelivered, [
    { what: 'value', device: 'default/tap', property: 'a', code: 'EDGE_NO_PROPERTY' },
  ]);
});

test('the rows of a device wait for its announcement, and for good when it is refused', (t) => {
  const m = new Machine().live();
  m.durable({ announcements: [ANNOUNCED], rows: [row('a', 60)], locals: [] });
  t.deepEqual(m.kinds, ['announce']);
  const { id } = m;
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).kinds, []);
  t.deepEqual(m.ack(id).rows, ['a60']);

  const refused = new Machine().live();
  refused.durable({ announcements: [ANNOUNCED], rows: [row('a', 60)] });
  refused.ack(refused.id, [{ row: 0, code: 'EDGE_DEVICE_TAKEN' }]);
  t.deepEqual(refused.pass(GATEWAY_LIMITS.stateWindowMs).kinds, []);
  t.deepEqual(refused.machine.status().refused, { 'default/tap': 'EDGE_DEVICE_TAKEN' });
});

test('a backlog leaves in full messages, bounded in flight', (t) => {
  const m = new Machine().live();
  const rows = Array.from({ length: 400 }, (_, i) =>
    row(`p${i}`, 60 + i, { value: 'x'.repeat(4000) }),
  );
  m.durable({ rows }, true);
  t.is(m.sent.length, GATEWAY_LIMITS.messagesInFlight);
  const [first] = m.sent;
  m.ack(first?.kind === 'state' ? first.id : 0);
  t.is(m.kinds.filter((kind) => kind === 'state').length, 1, 'an answer makes room');
});

test('nothing is sent while the transport is full', (t) => {
  const m = new Machine().live();
  m.step({ kind: 'blocked' });
  t.deepEqual(m.durable({ rows: [row('a', 60)] }).kinds, []);
  t.deepEqual(m.step({ kind: 'drained' }).rows, ['a60']);
});

test('STORED leaves only after the commit, and only in its session', (t) => {
  const m = new Machine().live();
  t.deepEqual(m.hear({ kind: 'desired', epoch: 5, id: 9, rows: [] }).kinds, []);
  const [apply] = m.others;
  const token = apply?.kind === 'apply' ? apply.token : 0;
  t.deepEqual(m.step({ kind: 'committed', token }).sent, [{ kind: 'stored', epoch: 5, id: 9 }]);
  m.hear({ kind: 'desired', epoch: 5, id: 10, rows: [] });
  const [late] = m.others;
  m.live();
  t.deepEqual(
    m.step({ kind: 'committed', token: late?.kind === 'apply' ? late.token : 0 }).sent,
    [],
  );
});

test('local writes wait while the hub has to adopt the desired state; reports do not', (t) => {
  const m = new Machine().step({ kind: 'connected', facts: FACTS });
  m.hear({ ...WELCOME, adopt: true }).commit();
  const queue = { device: 'default/tap', incarnation: { gen: 1, n: 1 }, property: 'a' };
  m.durable({ rows: [row('b', 60)], locals: [{ ...queue, writes: [local(61)] }] });
  t.deepEqual(m.rows, ['b60']);
  t.false(m.kinds.includes('local'));
  t.is(m.machine.status().undecidedLocals, 1);
});

test('local writes: one per property in flight, lost ones first', (t) => {
  const m = new Machine().live();
  const base = { device: 'default/tap', incarnation: LIFE, property: 'a' };
  m.durable({ locals: [{ ...base, writes: [local(60), local(61)] }] });
  const lids = (): number[] => m.sent.flatMap((s) => (s.kind === 'local' ? [s.lid.n] : []));
  t.deepEqual(lids(), [60]);
  m.durable({ locals: [{ ...base, writes: [local(60), local(61), local(62)] }] });
  t.deepEqual(lids(), []);
  const answer = { kind: 'local-result', epoch: 5, device: 'default/tap', property: 'a' } as const;
  m.hear({ ...answer, lid: { gen: 1, n: 60 }, outcome: 'conflict' });
  t.deepEqual(
    m.others.map((effect) => effect.kind),
    ['notice', 'care', 'apply'],
  );
  t.deepEqual(lids(), [61]);
  t.deepEqual(m.hear({ ...answer, lid: { gen: 1, n: 60 }, outcome: 'ok' }).others, []);
});

test('digests leave when all is quiet, stamped with what the hub holds, and then rarely', (t) => {
  const m = new Machine().live();
  const ask = m.others.find((effect) => effect.kind === 'digest');
  t.truthy(ask);
  const devices = [{ device: 'default/tap', incarnation: LIFE, reported: 'a', desired: 'b' }];
  const snapshot = { maxDesired: 3, digests: devices };
  m.step({ kind: 'digests', token: ask?.kind === 'digest' ? ask.token : 0, snapshot });
  t.deepEqual(m.sent, [{ kind: 'digest', epoch: 5, state: 50, desired: 3, devices }]);
  t.is(m.machine.wakeAt(), m.now + GATEWAY_LIMITS.digestIntervalMs);
  m.pass(GATEWAY_LIMITS.digestIntervalMs);
  t.deepEqual(
    m.others.map((effect) => effect.kind),
    ['digest'],
  );
});

test('a digest of the hub is judged only at the same numbers', (t) => {
  const theirs = { device: 'default/tap', incarnation: LIFE, reported: 'x', desired: 'y' };
  const judge = (state: number, desired: number): string[] => {
    const m = new Machine().live();
    m.hear({ kind: 'digest', epoch: 5, state, desired, devices: [theirs] });
    const ask = m.others.find((effect) => effect.kind === 'digest');
    const own = { ...theirs, reported: 'a', desired: 'b' };
    const snapshot = { maxDesired: 3, digests: [own] };
    m.step({ kind: 'digests', token: ask?.kind === 'digest' ? ask.token : 0, snapshot });
    return [...m.others.map((e) => (e.kind === 'apply' ? e.event.kind : e.kind)), ...m.kinds];
  };
  t.deepEqual(judge(50, 3), ['renumber', 'resend']);
  t.deepEqual(judge(49, 3), ['resend']);
  t.deepEqual(judge(49, 2), []);
});

test('RESEND takes new numbers; an unknown message is answered; a parked one is not sent again', (t) => {
  const m = new Machine().live();
  m.hear({ kind: 'resend', epoch: 5, devices: ['default/tap'] });
  t.like(m.others[0], { kind: 'apply', event: { kind: 'renumber', devices: ['default/tap'] } });
  m.step({ kind: 'unknown-message', epoch: 5, id: 7 });
  t.deepEqual(m.sent, [{ kind: 'unsupported', epoch: 5, id: 7 }]);
  m.durable({ rows: [row('a', 60)] });
  m.hear({ kind: 'unsupported', epoch: 5, id: m.id });
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).rows, []);
  t.is(m.machine.status().unsent, 1);
});

test('BYE ends the session and says why', (t) => {
  const m = new Machine().live();
  m.hear({ kind: 'bye', reason: 'superseded', detail: 'newer' });
  t.like(m.others[0], { kind: 'close', code: 'superseded', bye: 'superseded' });
  t.false(m.machine.status().live);
});

test('silence is noticed: no WELCOME, no answer', (t) => {
  const m = new Machine().step({ kind: 'connected', facts: FACTS });
  t.is(m.machine.wakeAt(), m.now + GATEWAY_LIMITS.welcomeTimeoutMs);
  t.is(m.pass(GATEWAY_LIMITS.welcomeTimeoutMs).others[0]?.kind, 'close');
  const waiting = new Machine().live();
  waiting.durable({ rows: [row('a', 60)] });
  waiting.pass(GATEWAY_LIMITS.answerTimeoutMs);
  t.true(waiting.others.some((effect) => effect.kind === 'close'));
});

test('a whole uplink replaces what waited, and keeps what is in flight', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60), row('b', 61)] });
  m.durable({ rows: [row('c', 62)] });
  m.durable({ rows: [row('b', 61), row('d', 63)] }, true);
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).rows, ['d63']);
  t.is(m.machine.status().unsent, 2);
});

test('flush does not wait for the window', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60)] });
  t.deepEqual(m.durable({ rows: [row('b', 61)] }).rows, []);
  t.deepEqual(m.step({ kind: 'flush' }).rows, ['b61']);
});
