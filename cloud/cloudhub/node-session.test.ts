import test from 'ava';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { decodeMessage } from '#protocol/message-codec.js';
import { seededRandom } from '#protocol/random.js';
import { EdgeError } from '#protocol/errors.js';
import type { CloseReason, Connection, Priority } from '#tunnel/transport.js';
import { HUB_LIMITS } from '../limits.js';
import { newCounters } from './counters.js';
import { NodeSession } from './node-session.js';

/** A connection whose other end takes messages only while the test lets it. */
class StubbornConnection implements Connection {
  readonly peer = { name: 'gw-1', fingerprint: '', serial: '', address: 'here' };
  readonly transport = 'stubborn';
  readonly taken: { readonly id: number; readonly priority: Priority }[] = [];
  takes = true;
  closed: string | undefined;
  #drained = (): void => undefined;
  #close: (reason: CloseReason) => void = () => undefined;

  send(bytes: Uint8Array, priority: Priority): boolean {
    if (!this.takes) return false;
    const message = decodeMessage(bytes);
    this.taken.push({ id: message.kind === 'ack' ? message.id : 0, priority });
    return true;
  }

  onMessage(): void {
    // This end never speaks.
  }

  onDrained(listener: () => void): void {
    this.#drained = listener;
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#close = listener;
  }

  drain(): void {
    this.takes = true;
    this.#drained();
  }

  close(code: CloseReason['code'], detail = ''): void {
    this.closed ??= code;
    this.#close({ code, detail, remote: false });
  }

  stats() {
    return {
      sentMessages: 0,
      sentBytes: 0,
      receivedMessages: 0,
      receivedBytes: 0,
      queuedBytes: 0,
    };
  }
}

function open() {
  const connection = new StubbornConnection();
  const counters = newCounters();
  let closed = 0;
  const clock = new ManualClock();
  const session = new NodeSession({
    id: 1,
    connection,
    clock,
    random: seededRandom(1),
    log: silentLog,
    counters,
    loop: () => {
      throw new EdgeError('EDGE_LIMIT', 'no room');
    },
    onClosed: () => closed++,
  });
  const ack = (id: number) =>
    session.send({ kind: 'ack', epoch: 1, id, rejects: [] }, id % 2 === 0 ? 'control' : 'twin');
  return { connection, counters, session, ack, clock, closed: () => closed };
}

test('what a full connection does not take waits, and leaves in order when it is drained', (t) => {
  const { connection, ack } = open();
  ack(1);
  connection.takes = false;
  ack(2);
  ack(3);
  connection.takes = true;
  ack(4);
  t.deepEqual(
    connection.taken.map(({ id }) => id),
    [1],
  );
  connection.drain();
  t.deepEqual(connection.taken, [
    { id: 1, priority: 'twin' },
    { id: 2, priority: 'control' },
    { id: 3, priority: 'twin' },
    { id: 4, priority: 'control' },
  ]);
});

test('a gateway that takes nothing is cut at the limit, once, and costs nothing more', (t) => {
  const { connection, counters, ack, clock, closed } = open();
  connection.takes = false;
  for (let id = 1; id <= 2 * HUB_LIMITS.unsentMessages; id++) ack(id);
  t.is(connection.closed, 'slow');
  t.is(counters.slowClosed, 1);
  t.is(closed(), 1);
  connection.drain();
  t.deepEqual(connection.taken, []);
  t.deepEqual(clock.pending(), []);
});
