import test from 'ava';
import { MAPPER_LIMITS } from '../limits.js';
import { Bus } from './bus.js';
import type { ModbusRequest } from './frame.js';
import type { BusEffect, BusOutcome } from './job.js';
import { MbapFraming } from './mbap-framing.js';

const read = (offset: number, unit = 1): ModbusRequest => ({
  op: 'read',
  unit,
  kind: 'holding',
  offset,
  count: 1,
});

/** A TCP device that takes `capacity` requests at once and forgets the others. */
function talk(capacity: number, reads: number): { bus: Bus; outcomes: BusOutcome[]; most: number } {
  const bus = new Bus(new MbapFraming());
  const outcomes: BusOutcome[] = [];
  let held: Uint8Array[] = [];
  let most = 0;
  const run = (effects: readonly BusEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'settle') outcomes.push(effect.outcome);
      if (effect.kind === 'send' && held.length < capacity) held.push(effect.bytes);
      if (effect.kind === 'send') most = Math.max(most, bus.counters.requests - answered);
    }
  };
  let answered = 0;
  let nowMs = 0;
  bus.opening(0);
  run(bus.opened(0));
  for (let id = 0; id < reads; id += 1)
    run(bus.submit(0, { id, request: read(id), priority: 'poll', timeoutMs: 200 }));
  while (outcomes.length < reads) {
    nowMs += 1;
    const replies = held.map((frame) =>
      Uint8Array.from([...frame.slice(0, 4), 0, 5, 1, 3, 2, frame[8] ?? 0, frame[9] ?? 0]),
    );
    held = [];
    answered = bus.counters.requests;
    for (const reply of replies) run(bus.received(nowMs, reply));
    if (replies.length > 0) continue;
    nowMs = bus.wakeAtMs(nowMs) ?? nowMs;
    run(bus.tick(nowMs));
  }
  return { bus, outcomes, most };
}

test('the window opens while requests wait and all are answered', (t) => {
  const { bus, outcomes } = talk(1000, 900);
  t.is(bus.depth, MAPPER_LIMITS.tcpDepthMax);
  t.true(outcomes.every(({ kind }) => kind === 'data'));
  t.is(bus.counters.timeouts, 0);
});

test('a device that takes three at once is found out, loses no reading, and is asked three at once', (t) => {
  const { bus, outcomes } = talk(3, 400);
  t.is(bus.depth, 3);
  t.true(outcomes.every(({ kind }) => kind === 'data'));
  t.true(bus.counters.timeouts <= 3);
});

test('a device that takes one at a time costs one time-out', (t) => {
  const { bus, outcomes } = talk(1, 200);
  t.is(bus.depth, 1);
  t.true(outcomes.every(({ kind }) => kind === 'data'));
  t.is(bus.counters.timeouts, 1);
});

test('each value is that of its own request, in whatever order the replies come', (t) => {
  const bus = new Bus(new MbapFraming());
  const settled = new Map<number, BusOutcome>();
  const sent: Uint8Array[] = [];
  const run = (effects: readonly BusEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'settle') settled.set(effect.id, effect.outcome);
      if (effect.kind === 'send') sent.push(effect.bytes);
    }
  };
  bus.opening(0);
  run(bus.opened(0));
  for (let id = 0; id < 600; id += 1)
    run(bus.submit(0, { id, request: read(id), priority: 'poll', timeoutMs: 200 }));
  while (sent.length > 0)
    for (const frame of sent.splice(0).reverse())
      run(
        bus.received(
          1,
          Uint8Array.from([...frame.slice(0, 4), 0, 5, 1, 3, 2, ...frame.slice(8, 10)]),
        ),
      );
  for (let id = 0; id < 600; id += 1) t.deepEqual(settled.get(id), { kind: 'data', words: [id] });
});
