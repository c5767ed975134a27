import test from 'ava';
import { MAPPER_LIMITS } from '../limits.js';
import { frameRtu } from './adu.js';
import { Bus } from './bus.js';
import { encodeRequest, functionCode, type ModbusRequest } from './frame.js';
import type { Framing } from './framing.js';
import type { BusEffect, BusOutcome } from './job.js';
import { MbapFraming } from './mbap-framing.js';
import { RtuFraming } from './rtu-framing.js';
import { job, read, registers } from './test-jobs.js';

/** A bus with its effects in lists, and a clock that the test turns. */
function harness(framing: Framing): {
  bus: Bus;
  sent: Uint8Array[];
  settled: [number, BusOutcome][];
  run: (effects: readonly BusEffect[]) => void;
} {
  const bus = new Bus(framing);
  const sent: Uint8Array[] = [];
  const settled: [number, BusOutcome][] = [];
  const run = (effects: readonly BusEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'send') sent.push(effect.bytes);
      if (effect.kind === 'settle') settled.push([effect.id, effect.outcome]);
    }
  };
  bus.opening(0);
  run(bus.opened(0));
  return { bus, sent, settled, run };
}

test('one request is in flight, after 3.5 characters of silence', (t) => {
  const { bus, sent, settled, run } = harness(new RtuFraming(9600));
  run(bus.submit(0, job(1, read(1, 10))));
  run(bus.submit(0, job(2, read(2, 20))));
  t.is(sent.length, 0);
  t.is(Math.round(bus.wakeAtMs(0) ?? 0), 4);
  run(bus.tick(5));
  t.is(sent.length, 1);
  run(bus.received(30, frameRtu(1, registers(7, 8))));
  t.deepEqual(settled, [[1, { kind: 'data', words: [7, 8] }]]);
  t.is(sent.length, 1);
  run(bus.received(33, Uint8Array.of(0)));
  run(bus.tick(35));
  t.is(sent.length, 1);
  run(bus.tick(38));
  t.is(sent.length, 2);
});

test('the end of a silence is told from other moments, on a port that keeps the pace of its line', (t) => {
  const { bus, run } = harness(new RtuFraming(9600));
  const wake = (nowMs: number): number => bus.wakeAtMs(nowMs) ?? 0;
  const ask = (nowMs: number, id: number): void => {
    run(bus.submit(nowMs, job(id, read(1, id))));
    run(bus.tick(wake(nowMs)));
  };
  const answer = (nowMs: number): void => run(bus.received(nowMs, frameRtu(1, registers(7, 8))));
  ask(0, 1);
  t.false(bus.endsSilenceAt(wake(5)), 'when a request is given up');
  // 8 and 9 characters of 1.15 ms and a turnaround of 10.
  answer(34);
  run(bus.submit(34, job(2, read(1, 2))));
  t.true(bus.endsSilenceAt(wake(34)));
  run(bus.tick(wake(34)));
  answer(40);
  run(bus.submit(40, job(3, read(1, 3))));
  t.false(bus.endsSilenceAt(wake(40)), 'no line of that speed answers so soon: a virtual port');
});

test('writes go before read-backs, read-backs before polls, and polls do not starve', (t) => {
  const { bus, sent, run } = harness(new MbapFraming());
  run(bus.submit(0, job(0, read(1, 0))));
  for (let id = 1; id <= 40; id += 1) run(bus.submit(0, job(id, read(1, id), 'read-back')));
  run(bus.submit(0, job(41, read(1, 41), 'poll')));
  run(bus.submit(0, job(42, read(1, 42), 'write')));
  const order: number[] = [];
  while (sent.length > order.length) {
    const frame = sent[order.length]!;
    order.push(((frame[8] ?? 0) << 8) | (frame[9] ?? 0));
    run(bus.received(1, Uint8Array.from([...frame.slice(0, 4), 0, 7, 1, ...registers(0, 0)])));
  }
  t.is(order.length, 43);
  t.deepEqual(order.slice(0, 3), [0, 42, 1]);
  t.is(order.indexOf(41), MAPPER_LIMITS.urgentInARow + 1);
});

test('a unit that did not answer is left alone while the others are asked', (t) => {
  const { bus, sent, settled, run } = harness(new RtuFraming(19_200));
  run(bus.submit(10, job(1, read(1, 0))));
  run(bus.tick(10));
  run(bus.submit(10, job(2, read(1, 1))));
  run(bus.submit(10, job(3, read(2, 2))));
  const deadline = bus.wakeAtMs(10)!;
  run(bus.tick(deadline));
  t.is(settled.length, 0, 'a read is asked once more');
  t.is(bus.counters.retries, 1);
  t.is(sent.length, 2);
  t.is(sent[1]?.[0], 2);
  run(bus.received(deadline + 20, frameRtu(1, registers(9, 9))));
  t.is(bus.counters.lateReplies, 1);
  run(bus.received(deadline + 25, frameRtu(2, registers(2, 2))));
  t.deepEqual(settled[0], [3, { kind: 'data', words: [2, 2] }]);
  t.is(bus.wakeAtMs(deadline + 30), deadline + MAPPER_LIMITS.quarantineMinMs);
  run(bus.tick(deadline + MAPPER_LIMITS.quarantineMinMs));
  t.is(sent[2]?.[0], 1);
});

test('after a write that timed out a waiting poll goes first', (t) => {
  const { bus, sent, run } = harness(new MbapFraming());
  run(bus.submit(0, job(0, read(1, 0), 'write')));
  run(bus.submit(0, job(1, read(1, 1), 'poll')));
  run(bus.submit(0, job(2, read(1, 2), 'write')));
  run(bus.tick(250));
  t.is(sent[1]?.[9], 1);
  run(bus.submit(260, job(3, read(1, 3), 'poll')));
  run(bus.tick(500));
  t.is(sent[2]?.[9], 2, 'and then a write again, though the poll timed out as well');
});

test('a line that never falls silent fails the waiting requests instead of hanging them', (t) => {
  const { bus, settled, run } = harness(new RtuFraming(9600));
  run(bus.submit(0, job(1, read(1, 0))));
  for (let nowMs = 1; nowMs <= MAPPER_LIMITS.babbleMs + 10; nowMs += 2)
    run(bus.received(nowMs, Uint8Array.of(0x55)));
  t.like(settled[0]?.[1], { kind: 'failed', code: 'EDGE_DEVICE_FRAME' });
  t.is(bus.counters.babbles, 1);
});

test('a closed link ends everything, and new requests fail at once', (t) => {
  const { bus, settled, run } = harness(new MbapFraming());
  run(bus.submit(0, job(1, read(1, 0))));
  run(bus.submit(0, job(2, read(1, 1))));
  run(bus.closed(1, 'unplugged'));
  run(bus.submit(0, job(3, read(1, 1))));
  t.deepEqual(
    settled.map(([id]) => id),
    [1, 2, 3],
  );
  for (const [, outcome] of settled) t.like(outcome, { code: 'EDGE_DEVICE_CLOSED' });
});

test('what is no Modbus frame, and a silent connection, end in a new connection', (t) => {
  const lost = harness(new MbapFraming());
  lost.run(lost.bus.submit(0, job(1, read(1, 0))));
  t.true(
    lost.bus
      .received(1, new TextEncoder().encode('HTTP/1.1 400'))
      .some(({ kind }) => kind === 'reconnect'),
  );
  const silent = harness(new MbapFraming());
  const kinds: string[] = [];
  silent.run(silent.bus.submit(0, job(0, read(1, 0))));
  kinds.push(...silent.bus.tick(251).map(({ kind }) => kind));
  kinds.push(...silent.bus.tick(502).map(({ kind }) => kind));
  silent.run(silent.bus.submit(2000, job(1, read(1, 0))));
  kinds.push(...silent.bus.tick(2502).map(({ kind }) => kind));
  // Asked, asked again at once, and probed a second later.
  t.deepEqual(kinds, ['send', 'settle', 'settle', 'reconnect']);
});

test('a full queue refuses, counted', (t) => {
  const { bus, settled, run } = harness(new MbapFraming());
  for (let id = 0; id < MAPPER_LIMITS.jobsPerBus + 2; id += 1)
    run(bus.submit(0, job(id, read(1, 0))));
  t.like(settled[0]?.[1], { kind: 'failed', code: 'EDGE_LIMIT' });
  t.is(bus.counters.refusedJobs, 1);
});

test('the deadline leaves time for the bytes to travel at the baud rate', (t) => {
  const { bus, run } = harness(new RtuFraming(2400));
  const long = { op: 'read', unit: 1, kind: 'input', offset: 0, count: 125 } as const;
  run(bus.submit(100, job(1, long)));
  // 8 and 255 characters of 11 bits at 2400 baud.
  t.is(Math.round(bus.wakeAtMs(100) ?? 0), Math.round(100 + 250 + (263 * 11_000) / 2400));
  t.is(functionCode(long), 4);
  t.is(encodeRequest(long).length, 5);
});

test('what may not be sent any more is settled unsent, and the next goes instead', (t) => {
  const { bus, sent, settled, run } = harness(new RtuFraming(9600));
  const write: ModbusRequest = { op: 'write', unit: 2, kind: 'coil', offset: 0, words: [1] };
  run(bus.submit(0, job(1, read(1, 10))));
  run(bus.tick(5));
  run(bus.submit(6, { ...job(2, write, 'write'), notAfterMs: 20 }));
  run(bus.submit(6, job(3, read(3, 30))));
  run(bus.received(30, frameRtu(1, registers(7, 8))));
  run(bus.tick(40));
  t.like(settled[1], [2, { kind: 'failed', code: 'EDGE_EXPIRED', unsent: true }]);
  t.is(sent.length, 2);
  t.is(sent[1]?.[0], 3);
});

test('a lost connection says which requests had left', (t) => {
  const { bus, settled, run } = harness(new MbapFraming());
  run(bus.submit(0, job(1, read(1, 10))));
  run(bus.submit(0, job(2, read(1, 20))));
  run(bus.closed(1, 'gone'));
  run(bus.submit(1, job(3, read(1, 30))));
  const unsent = settled.map(([id, outcome]) => [id, 'unsent' in outcome]);
  t.deepEqual(unsent, [
    [1, false],
    [2, true],
    [3, true],
  ]);
});

test('what was read is heard before a request is given up, however late; only a tick gives up', (t) => {
  const bus = new Bus(new RtuFraming(9600));
  bus.opening(0);
  bus.opened(0);
  bus.submit(5, job(1, read(1, 0)));
  const lateMs = 60_000;
  t.deepEqual(bus.submit(lateMs, job(2, read(2, 0))), [], 'another caller gives up nothing');
  const effects = bus.received(lateMs, frameRtu(1, registers(7, 8)));
  t.like(effects[0], { kind: 'settle', id: 1, outcome: { kind: 'data', words: [7, 8] } });
  t.is(bus.counters.timeouts, 0);
  const sentAtMs = bus.wakeAtMs(lateMs)!;
  t.is(bus.tick(sentAtMs)[0]?.kind, 'send');
  bus.tick(sentAtMs + lateMs);
  t.is(bus.counters.timeouts, 1);
});
