import test from 'ava';
import type { Connection, Priority } from '#tunnel/transport.js';
import { Outbox } from './outbox.js';

function held(takes: (priority: Priority) => boolean) {
  const sent: string[] = [];
  const connection = {
    send: (bytes: Uint8Array, priority: Priority) => {
      if (!takes(priority)) return false;
      sent.push(Buffer.from(bytes).toString());
      return true;
    },
  } as unknown as Connection;
  const outbox = new Outbox(connection);
  const send = (text: string, priority: Priority) => outbox.send(Buffer.from(text), priority);
  return { outbox, sent, send };
}

test('samples that the transport refuses do not hold up state, and leave after it in order', (t) => {
  let open: Priority[] = ['control', 'twin'];
  const { outbox, sent, send } = held((priority) => open.includes(priority));
  t.true(send('s1', 'samples'), 'samples never block');
  t.true(send('s2', 'samples'));
  t.true(send('t1', 'twin'));
  open = [];
  t.false(send('t2', 'twin'), 'state that is refused does');
  t.true(send('c1', 'control'), 'said once');
  t.is(outbox.length, 4);
  open = ['control', 'twin'];
  t.true(outbox.drain());
  t.deepEqual(sent, ['t1', 't2', 'c1']);
  open = ['control', 'twin', 'samples'];
  t.false(outbox.drain(), 'nothing urgent was held');
  t.deepEqual(sent, ['t1', 't2', 'c1', 's1', 's2']);
});
