import test from 'ava';
import { ConnectionListeners } from './connection-listeners.js';
import { TUNNEL_LIMITS } from './limits.js';
import type { CloseReason } from './transport.js';

const REASON: CloseReason = { code: 'normal', detail: 'done', remote: true };

test('what comes before somebody listens waits, in order, and not without end', (t) => {
  const listeners = new ConnectionListeners();
  for (let at = 0; at < TUNNEL_LIMITS.earlyMessages; at++)
    t.true(listeners.hear(Uint8Array.of(at)));
  t.false(listeners.hear(Uint8Array.of(0)));
  const heard: number[] = [];
  listeners.onMessage((message) => heard.push(message[0] ?? -1));
  t.true(listeners.hear(Uint8Array.of(7)));
  t.is(heard.length, TUNNEL_LIMITS.earlyMessages + 1);
  t.deepEqual([heard[0], heard[1], heard.at(-1)], [0, 1, 7]);
});

test('the end is told once, to the books first, and to who asks later', (t) => {
  const listeners = new ConnectionListeners();
  const told: string[] = [];
  listeners.onGone(() => told.push('book'));
  listeners.onGone(() => told.push('other book'));
  listeners.onClose(({ detail }) => told.push(detail));
  t.is(listeners.reason, undefined);
  listeners.ended(REASON);
  listeners.ended({ ...REASON, detail: 'again' });
  t.deepEqual(told, ['book', 'other book', 'done']);
  t.is(listeners.reason, REASON);
  listeners.onClose(({ detail }) => told.push(`late ${detail}`));
  t.is(told.at(-1), 'late done');
});
