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
  #arrivals: { fromMs: number; atMs: number; bytes: Uint8Array }[] = [];
  readonly #waiting = new Map<number, (outcome: BusOutcome) => void>();
  #lastId = 0;
  foundAtMs = 0;
  /** The read of unit 4 that is under way. */
  fourth: (() => BusOutcome | undefined) | undefined;

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
    this.#waiting.set(id, (settled) => {
      outcome = settled;
      if (unit === 4) this.foundAtMs = this.nowMs;
    });
    this.#run(this.bus.submit(this.nowMs, job));
    return () => outcome;
  }

  /** Until all reads have ended. */
  settle(outcomes: readonly (() => BusOutcome | undefined)[]): void {
    while (outcomes.some((outcome) => outcome() === undefined)) this.step();
  }

  /** The next thing that happens, at most until then; false when nothing will. */
  step(untilMs = Infinity): boolean {
    this.#arrivals.sort((a, b) => a.atMs - b.atMs);
    const [arrival] = this.#arrivals;
    const wakeAtMs = this.bus.wakeAtMs(this.nowMs) ?? Infinity;
    if (Math.min(arrival?.atMs ?? Infinity, wakeAtMs) > untilMs) return false;
    if (arrival !== undefined && arrival.atMs <= wakeAtMs) {
      this.#arrivals.shift();
      this.nowMs = arrival.atMs;
      this.#run(this.bus.received(this.nowMs, arrival.bytes));
      return true;
    }
    if (wakeAtMs === Infinity) throw new TypeError('the bus waits for nothing');
    this.nowMs = Math.max(this.nowMs, wakeAtMs);
    this.#run(this.bus.tick(this.nowMs));
    return true;
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
      const askedMs = this.nowMs + effect.bytes.length * CHAR_MS;
      const fromMs = askedMs + turnaround;
      const atMs = fromMs + reply.length * CHAR_MS;
      // On two wires who talks while another does is not understood, and nor is the other.
      const others = this.#arrivals.filter(
        (other) =>
          (other.fromMs < askedMs && other.atMs > this.nowMs) ||
          (other.fromMs < atMs && other.atMs > fromMs),
      );
      this.#arrivals = this.#arrivals.filter((other) => !others.includes(other));
      if (others.length === 0) this.#arrivals.push({ fromMs, atMs, bytes: reply });
    }
  }
}

const tenSlaves = (): (readonly [number, number])[] =>
  Array.from({ length: 10 }, (_, index) => [index + 1, 5 + index] as const);

/**
 * One read of each of ten units a round, begun a cycle after the last began (0: at once), as far as
 * its last one has ended. The mean milliseconds until all but unit 4 are read, and how often it was.
 */
function rounds(line: Line, count: number, cycleMs: number): { meanMs: number; found: number } {
  let busyMs = 0;
  let found = 0;
  for (let round = 0; round < count; round += 1) {
    const startMs = line.nowMs;
    const dueMs = startMs + Math.max(cycleMs, 500);
    const ofUnit = (unit: number): (() => BusOutcome | undefined) => line.read(unit, { dueMs });
    if (line.fourth === undefined || line.fourth() !== undefined) {
      if (line.fourth?.()?.kind === 'data') found += 1;
      line.fourth = ofUnit(4);
    }
    line.settle([1, 2, 3, 5, 6, 7, 8, 9, 10].map(ofUnit));
    busyMs += line.nowMs - startMs;
    while (line.nowMs < startMs + cycleMs)
      if (!line.step(startMs + cycleMs)) line.nowMs = startMs + cycleMs;
  }
  return { meanMs: busyMs / count, found };
}

for (const [what, cycleMs] of [
  ['polled each second', 1000],
  ['polled without a pause', 0],
] as const) {
  test(`a dead slave among ten that are ${what} costs at most a tenth of a round`, (t) => {
    const withoutIt = rounds(new Line(tenSlaves()), 30, cycleMs).meanMs;
    const line = new Line(tenSlaves());
    rounds(line, 5, cycleMs);
    line.slaves.delete(4);
    rounds(line, 20, cycleMs);
    const withIt = rounds(line, 100, cycleMs).meanMs;
    // One that was never there.
    const never = new Line(tenSlaves().filter(([unit]) => unit !== 4));
    rounds(never, 20, cycleMs);
    const withNone = rounds(never, 100, cycleMs).meanMs;
    t.log(`${[withoutIt, withIt, withNone].map((ms) => ms.toFixed(0)).join(', ')} ms a round`);
    t.true(withIt <= 1.1 * withoutIt);
    t.true(withNone <= 1.1 * withoutIt);
    t.true(line.bus.counters.probes > 5);
  });

  test(`a slave ${what} that comes back is found within 10 s, unless it is very slow`, (t) => {
    for (const turnaround of [5, 120, 300, 500, 700, 950])
      for (const awayRounds of [30, 32, 35]) {
        const line = new Line(tenSlaves());
        rounds(line, 10, cycleMs);
        line.slaves.delete(4);
        rounds(line, awayRounds, cycleMs);
        line.slaves.set(4, turnaround);
        const backAtMs = line.nowMs;
        while (rounds(line, 1, cycleMs).found === 0);
        const foundMs = line.foundAtMs - backAtMs;
        // Slower ones talk into the others' time: they need a probe that takes all of its own.
        t.true(foundMs <= (turnaround > 700 ? 25_000 : 10_000), `${turnaround} ms: ${foundMs}`);
      }
  });
}

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

test('a read of unit 0 is no broadcast: without an answer it fails', (t) => {
  const bus = new Bus(new RtuFraming(BAUD));
  bus.opening(0);
  bus.opened(0);
  const ask = { unit: 0, code: 3, data: [0, 0, 0, 1], replyBytes: 3 } as const;
  const request: ModbusRequest = { op: 'call', ...ask };
  bus.submit(10, { id: 1, request, priority: 'write', timeoutMs: 100 });
  const effects = bus.tick(10_000);
  t.like(effects[0], { kind: 'settle', outcome: { kind: 'failed', code: 'EDGE_DEVICE_TIMEOUT' } });
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
