import test from 'ava';
import { GATEWAY_LIMITS } from '../limits.js';
import { ANNOUNCED, LIFE, local, Machine, row } from './test-machine.js';

test('what the hub refuses is told to people, but for rows of a life that is over', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60)] });
  m.ack(m.id, [{ row: 0, code: 'EDGE_INCARNATION' }]);
  t.deepEqual(m.undelivered, []);
  const { device } = ANNOUNCED;
  m.durable({ announcements: [ANNOUNCED] });
  m.pass(GATEWAY_LIMITS.stateWindowMs);
  m.ack(m.id, [{ row: 0, code: 'EDGE_DEVICE_TAKEN' }]);
  t.deepEqual(m.undelivered, [{ what: 'device', device, code: 'EDGE_DEVICE_TAKEN' }]);
  m.hear({ kind: 'unsupported', epoch: 5, id: 900 });
  t.deepEqual(m.undelivered, [{ what: 'message', device: '', code: 'EDGE_UNSUPPORTED' }]);
});

test('a local write that lost is told with the reason of the hub', (t) => {
  const m = new Machine().live();
  const of = { device: 'default/tap', property: 'a' };
  m.durable({ locals: [{ ...of, incarnation: LIFE, writes: [local(60)] }] });
  const answer = { kind: 'local-result', epoch: 5, ...of, lid: { gen: 1, n: 60 } } as const;
  m.hear({ ...answer, outcome: 'rejected', code: 'EDGE_RANGE' });
  t.deepEqual(m.undelivered, [{ what: 'local-write', ...of, code: 'EDGE_RANGE' }]);
});

test('a device that the hub forgot is announced again and its rows are sent again, once', (t) => {
  const m = new Machine().live();
  const { device } = ANNOUNCED;
  m.durable({ rows: [row('a', 60), row('b', 61)] });
  const first = m.id;
  m.pass(GATEWAY_LIMITS.stateWindowMs).durable({ rows: [row('c', 62)] });
  const second = m.id;
  const NO_DEVICE = 'EDGE_NO_DEVICE';
  m.ack(first, [
    { row: 0, code: NO_DEVICE },
    { row: 1, code: NO_DEVICE },
  ]);
  t.deepEqual(m.undelivered, []);
  const renumber = m.others.find((effect) => effect.kind === 'apply');
  t.deepEqual(renumber?.event, { kind: 'renumber', devices: [device] });
  t.is(m.machine.status().unsent, 3);
  const description = { id: device, model: 'tap', protocol: 'test', properties: [] };
  const again = { ...ANNOUNCED, n: 70, description };
  m.durable({ announcements: [again], rows: [row('a', 71), row('b', 72)] });
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).kinds, ['announce']);
  const announcement = m.id;
  m.step({ kind: 'committed', token: renumber?.token ?? -1 });

  m.ack(second, [{ row: 0, code: NO_DEVICE }]);
  t.deepEqual(m.undelivered, [], 'it left before the announcement');
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).rows, []);
  m.ack(announcement);
  t.deepEqual(m.rows.toSorted(), ['a71', 'b72', 'c62']);

  m.ack(m.id, [{ row: 0, code: NO_DEVICE }]);
  t.is(m.undelivered.length, 1);
  t.is(m.others.filter((effect) => effect.kind === 'apply').length, 0);
  t.is(m.machine.status().unsent, 0);
});

test('a device that is not announced from here is asked for once all the same', (t) => {
  const m = new Machine().live();
  m.durable({ rows: [row('a', 60)] });
  m.ack(m.id, [{ row: 0, code: 'EDGE_NO_DEVICE' }]);
  const { token = -1 } = m.others.find((effect) => effect.kind === 'apply') ?? {};
  t.deepEqual(m.pass(GATEWAY_LIMITS.stateWindowMs).rows, []);
  t.deepEqual(m.step({ kind: 'committed', token }).rows, ['a60']);
  m.ack(m.id, [{ row: 0, code: 'EDGE_NO_DEVICE' }]);
  t.is(m.machine.status().unsent, 0);
  t.is(m.undelivered.length, 1);
});
