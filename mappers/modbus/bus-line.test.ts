import test from 'ava';
import { frameRtu } from './adu.js';
import { Bus } from './bus.js';
import type { ModbusRequest } from './frame.js';
import type { BusEffect, BusOutcome, Priority } from './job.js';
import { silenceMs } from './line-time.js';
import { RtuFraming } from './rtu-framing.js';

const BAUD = 9600;
const CHAR_MS = 11_000 / BAUD;

/** A serial line in virtual time, with slaves that answer each read at their own pace, or do not. */
class Line {
  readonly bus = new Bus(new RtuFraming(BAUD));
  readonly sent: { readonly atMs: number; readonly bytes: Uint8Array }[] = [];
  nowMs = 0;
  /** Milliseconds of turnaround by unit; a unit that is missing is dead. */
  readonly slaves = new Map<number, number>();
  #arrivals: { atMs: number; bytes: Uint8Array }[] = [];
  readonly #waiting = new Map<number, (outcome: BusOutcome) => void>();
  #lastId = 0;

  constructor(slaves: Iterable<readonly [number, number]>) {
    for (const [unit, turnaround] of slaves) this.slaves.set(unit, turnaround);
    this.bus.opening(0);
    this.#run(this.bus.opened(0));
  }

  read(unit: number, more: { dueMs?: number; priority?: Priority; offset?: number } = {}) {
    const id = (this.#lastId += 1);
    const { priority = 'poll', offset = 7, dueMs } = more;
    const request: ModbusRequest = { op: 'read', unit, kind: 'holding', offset, count: 10 };
    const job = {
      id,
      request,
      priority,
      timeoutMs: 1000,
      ...(dueMs === undefined ? {} : { dueMs }),
    };
    let outcome: BusOutcome | undefined;
    this.#waiting.set(id, (settled) => (outcome = settled));
    this.#run(this.bus.submit(this.nowMs, job));
    return () => outcome;
  }

  /** Until all reads have ended. */
  settle(outcomes: readonly (() => BusOutcome | undefined)[]): void {
    while (outcomes.some((outcome) => outcome() === undefined)) this.step();
  }

  step(): void {
    this.#arrivals.sort((a, b) => a.atMs - b.atMs);
    const [arrival] = this.#arrivals;
    const wakeAtMs = this.bus.wakeAtMs(this.nowMs) ?? Infinity;
    if (arrival !== undefined && arrival.atMs <= wakeAtMs) {
      this.#arrivals.shift();
      this.nowMs = arrival.atMs;
      this.#run(this.bus.received(this.nowMs, arrival.bytes));
      return;
    }
    if (wakeAtMs === Infinity) throw new TypeError('the bus waits for nothing');
    this.nowMs = Math.max(this.nowMs, wakeAtMs);
    this.#run(this.bus.tick(this.nowMs));
  }

  #run(effects: readonly BusEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'settle') this.#waiting.get(effect.id)?.(effect.outcome);
      if (effect.kind !== 'send') continue;
      this.sent.push({ atMs: this.nowMs, bytes: effect.bytes });
      const unit = effect.bytes[0] ?? 0;
      const turnaround = this.slaves.get(unit);
      if (turnaround === undefined) continue;
      const words = Array.from({ length: 10 }, () => [0, unit]).flat();
      const reply = frameRtu(unit, Uint8Array.from([3, 20, ...words]));
      const atMs = this.nowMs + (effect.bytes.length + reply.length) * CHAR_MS + turnaround;
      this.#arrivals.push({ atMs, bytes: reply });
    }
  }
}

const tenSlaves = (): (readonly [number, number])[] =>
  Array.from({ length: 10 }, (_, index) => [index + 1, 5 + index] as const);

/** One read of each of ten units, a second apart; the mean milliseconds that they take. */
function roundMs(line: Line, rounds: number): number {
  let busyMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = line.nowMs;
    line.settle(tenSlaves().map(([unit]) => line.read(unit)));
    busyMs += line.nowMs - startMs;
    line.nowMs = Math.max(line.nowMs, startMs + 1000);
  }
  return busyMs / rounds;
}

test('a dead slave among ten costs at most a tenth of a round', (t) => {
  const healthy = new Line(tenSlaves());
  const withoutIt = roundMs(healthy, 200);
  const line = new Line(tenSlaves());
  roundMs(line, 5);
  line.slaves.delete(4);
  roundMs(line, 5);
  const withIt = roundMs(line, 200);
  t.log(`${withoutIt.toFixed(0)} ms a round, ${withIt.toFixed(0)} ms with a dead slave`);
  t.true(withIt <= 1.1 * withoutIt);
  t.true(line.bus.counters.unasked > 100 && line.bus.counters.probes > 10);
});

test('a slave that was never there costs as little', (t) => {
  const withoutIt = roundMs(new Line(tenSlaves()), 100);
  const line = new Line(tenSlaves().filter(([unit]) => unit !== 4));
  roundMs(line, 20);
  const withIt = roundMs(line, 200);
  t.log(`${withoutIt.toFixed(0)} ms a round, ${withIt.toFixed(0)} ms with a dead slave`);
  t.true(withIt <= 1.1 * withoutIt);
});

test('a slave that comes back is found within 10 s, also a slow one', (t) => {
  for (const turnaround of [5, 120, 300]) {
    const line = new Line(tenSlaves());
    roundMs(line, 10);
    line.slaves.delete(4);
    roundMs(line, 100);
    line.slaves.set(4, turnaround);
    const backAtMs = line.nowMs;
    for (;;) {
      const outcome = line.read(4);
      line.settle([outcome]);
      if (outcome()?.kind === 'data') break;
      line.nowMs += 1000;
    }
    t.true(
      line.nowMs - backAtMs <= (turnaround > 250 ? 25_000 : 10_000),
      `${line.nowMs - backAtMs}`,
    );
  }
});

test('a quick slave that stumbles once is asked again with all its time, and loses no reading', (t) => {
  const line = new Line([[1, 5]]);
  for (let read = 0; read < 20; read += 1) line.settle([line.read(1)]);
  line.slaves.set(1, 600);
  const outcome = line.read(1);
  line.settle([outcome]);
  t.is(outcome()?.kind, 'data');
  t.is(line.bus.counters.recovered, 1);
});

test('the silence before each request is 3.5 characters at least, and no more than it must be', (t) => {
  const line = new Line([
    [1, 3],
    [2, 7],
  ]);
  line.settle(Array.from({ length: 50 }, (_, at) => line.read(1 + (at % 2))));
  let over = 0;
  line.sent.slice(1).forEach(({ atMs }, index) => {
    const before = line.sent[index]!;
    const turnaround = line.slaves.get(before.bytes[0]!)!;
    const replyEndMs = before.atMs + (8 + 25) * CHAR_MS + turnaround;
    t.true(atMs - replyEndMs >= silenceMs(BAUD) - 1e-6);
    over = Math.max(over, atMs - replyEndMs - silenceMs(BAUD));
  });
  t.true(over < 0.01);
});

test('a slave with many requests does not hold up the others', (t) => {
  const line = new Line([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  const many = Array.from({ length: 30 }, () => line.read(1));
  const few = [line.read(2), line.read(3)];
  line.settle([...many, ...few]);
  const order = line.sent.map(({ bytes }) => bytes[0]);
  t.true(order.indexOf(2) <= 2 && order.indexOf(3) <= 2, order.join(' '));
});

test('the poll whose cycle ends first goes first, and slow ones do not starve', (t) => {
  const line = new Line([
    [1, 1],
    [2, 1],
  ]);
  const first = line.read(1, { dueMs: 50 });
  const slow = line.read(2, { dueMs: 400 });
  const order: number[] = [];
  line.settle([first]);
  // A fast device that always has the next poll ready.
  while (slow() === undefined) {
    const fast = line.read(1, { dueMs: line.nowMs + 100 });
    while (fast() === undefined && slow() === undefined) line.step();
    order.push(slow() === undefined ? 1 : 2);
  }
  t.true(line.nowMs >= 250 && line.nowMs <= 460, `${line.nowMs}`);
  t.true(order.filter((unit) => unit === 1).length >= 4);
});

test('a broadcast has no answer and ends by itself', (t) => {
  const bus = new Bus(new RtuFraming(BAUD));
  bus.opening(0);
  bus.opened(0);
  const request: ModbusRequest = { op: 'write', unit: 0, kind: 'holding', offset: 1, words: [5] };
  bus.submit(10, { id: 1, request, priority: 'write', timeoutMs: 1000 });
  const effects = bus.tick(bus.wakeAtMs(10)!);
  t.deepEqual(effects, [{ kind: 'settle', id: 1, outcome: { kind: 'data', words: [] } }]);
  t.is(bus.counters.timeouts, 0);
});

test('a reply with a wrong checksum ends the wait soon, and the read is asked again', (t) => {
  const line = new Line([]);
  const outcome = line.read(1);
  line.step();
  const sentAtMs = line.sent[0]!.atMs;
  const damaged = frameRtu(1, Uint8Array.from([3, 20, ...new Array<number>(20).fill(9)]));
  damaged[9] = 0;
  line.bus.received(sentAtMs + 40, damaged);
  t.true(line.bus.wakeAtMs(sentAtMs + 40)! < sentAtMs + 100);
  line.slaves.set(1, 5);
  line.settle([outcome]);
  t.is(outcome()?.kind, 'data');
  t.is(line.bus.counters.crcErrors, 1);
});
