import test from 'ava';
import { ConnectionAdmission } from './connection-admission.js';

test('a newcomer takes the place of the connection that idled longest', (t) => {
  const admission = new ConnectionAdmission<string>(2);
  t.is(admission.admit('a'), undefined);
  t.is(admission.admit('b'), undefined);
  t.is(admission.admit('c'), 'a');
  t.is(admission.size, 2);
  t.is(admission.evicted, 1);
});

test('a connection with a request under way is never closed for another', (t) => {
  const admission = new ConnectionAdmission<string>(2);
  admission.admit('a');
  admission.busy('a');
  admission.admit('b');
  admission.busy('b');
  t.is(admission.admit('c'), 'c');
  admission.idle('a');
  t.is(admission.admit('d'), 'a');
});

test('a closed connection frees its place', (t) => {
  const admission = new ConnectionAdmission<string>(1);
  admission.admit('a');
  admission.busy('a');
  admission.closed('a');
  t.is(admission.admit('b'), undefined);
  admission.idle('a');
  t.is(admission.size, 1);
});
