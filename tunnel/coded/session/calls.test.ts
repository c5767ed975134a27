import test from 'ava';
import { Calls } from './calls.js';
import { SESSION_LIMITS } from './limits.js';

const RTT = 100;
const LONG = new Uint8Array(1_400);

/** A transfer of full symbols, one a millisecond; the last one at 99. */
function transferring(): Calls {
  const calls = new Calls(SESSION_LIMITS);
  for (let number = 0; number < 100; number++) hear(calls, number, LONG, number);
  return calls;
}

function hear(calls: Calls, number: number, data: Uint8Array, now: number): void {
  const heard = { bytes: 1_450, symbols: [{ number, data }], incomplete: false };
  calls.heard(heard, RTT, now);
}

const nothing = { bytes: 70, symbols: [], incomplete: false };

/** The times of all calls, when nothing is heard any more. */
function timesOf(calls: Calls): number[] {
  const times: number[] = [];
  for (let { dueAt } = calls; dueAt < Infinity; { dueAt } = calls)
    if (calls.take(dueAt)) times.push(dueAt);
  return times;
}

test('a transfer that stops in the middle calls after a round trip and a little, for a while', (t) => {
  const times = timesOf(transferring());
  const { calmMinMs, callEveryMs, callForMs } = SESSION_LIMITS;
  t.deepEqual(times.slice(0, 2), [99 + RTT + calmMinMs, 99 + RTT + calmMinMs + callEveryMs]);
  t.is(times.length, callForMs / callEveryMs);
});

test('whatever arrives puts the calls off, an acknowledgement too', (t) => {
  const calls = transferring();
  const before = calls.dueAt;
  calls.heard(nothing, RTT, 120);
  t.is(calls.dueAt, before + 21);
  t.false(calls.take(calls.dueAt - 1));
});

test('an answer that brings nothing ends the calls', (t) => {
  const calls = transferring();
  t.true(calls.take(calls.dueAt));
  calls.heard(nothing, RTT, 500);
  t.is(calls.dueAt, Infinity);
});

test('a transfer whose last symbol is short is not called for, unless something is missing', (t) => {
  const calls = transferring();
  hear(calls, 100, new Uint8Array(300), 100);
  t.is(calls.dueAt, Infinity);
  const symbols = [{ number: 102, data: new Uint8Array(300) }];
  calls.heard({ bytes: 350, symbols, incomplete: true }, RTT, 101);
  t.true(calls.dueAt < Infinity);
});

test('messages are no transfer and make no calls', (t) => {
  const calls = new Calls(SESSION_LIMITS);
  for (let number = 0; number < 20; number++) hear(calls, number, LONG, 500 * number);
  t.is(calls.dueAt, Infinity);
  t.false(calls.isTransfer);
});
