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
