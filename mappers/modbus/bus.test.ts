import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { MAPPER_LIMITS } from '../limits.js';
import { Bus, type BusEffect, type BusJob, type BusOutcome, type Priority } from './bus.js';
import { encodeRequest, frameRtu, functionCode, type ModbusRequest } from './frame.js';
import { MbapFraming, RtuFraming, type Framing } from './framing.js';

const read = (unit: number, offset: number): ModbusRequest => ({
  op: 'read',
  unit,
  kind: 'holding',
  offset,
  count: 2,
});
const job = (id: number, request: ModbusRequest, priority: Priority = 'poll'): BusJob => ({
  id,
  request,
  priority,
  timeoutMs: 250,
});
const registers = (...words: number[]): Uint8Array =>
  Uint8Array.from([3, words.length * 2, ...words.flatMap((word) => [word >> 8, word & 0xff])]);

/** A wire on which everything that can go wrong with one reply does, from a seed. */
class HostileWire {
  readonly bus: Bus;
  readonly outcomes = new Map<number, BusOutcome>();
  readonly sent: { atMs: number; bytes: Uint8Array }[] = [];
  #nowMs = 0;
  readonly #random;
  readonly #isRtu: boolean;
  #events: { atMs: number; bytes: Uint8Array }[] = [];
  #serial = 0;
  /** A device on TCP that stopped in the middle of a reply, until there is a new connection. */
  #hung = false;
  /** The serial number that the device gave to each request, by job. */
  readonly serials = new Map<number, number>();
  readonly #asked = new Map<string, number>();

  constructor(framing: Framing, seed: number) {
    this.bus = new Bus(framing);
    this.#random = seededRandom(seed);
    this.#isRtu = framing instanceof RtuFraming;
    this.bus.opening();
    this.#run(this.bus.opened(0));
  }

  submit(next: BusJob): void {
    this.#asked.set(`${next.request.unit} ${next.request.offset}`, next.id);
    this.#run(this.bus.submit(this.#nowMs, next));
  }

  /** Moves to the next thing that happens; false when nothing will. */
  step(): boolean {
    this.#events.sort((a, b) => a.atMs - b.atMs);
    const [event] = this.#events;
    const wakeAtMs = this.bus.wakeAtMs(this.#nowMs);
    if (event === undefined && wakeAtMs === undefined) return false;
    if (event !== undefined && event.atMs <= (wakeAtMs ?? Infinity)) {
      this.#events.shift();
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      this.#run(this.bus.received(this.#nowMs, event.bytes));
    } else {
      this.#nowMs = Math.max(this.#nowMs, wakeAtMs ?? 0);
      this.#run(this.bus.tick(this.#nowMs));
    }
    return true;
  }

  #run(effects: readonly BusEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'settle') this.outcomes.set(effect.id, effect.outcome);
      else if (effect.kind === 'send') this.#device(effect.bytes);
      else {
        this.#events = [];
        this.#hung = false;
        this.#run(this.bus.closed(effect.why));
        this.bus.opening();
        this.#run(this.bus.opened(this.#nowMs));
      }
    }
  }

  #device(frame: Uint8Array): void {
    this.sent.push({ atMs: this.#nowMs, bytes: frame });
    const at = this.#isRtu ? 0 : 6;
    const unit = frame[at] ?? 0;
    const address = ((frame[at + 2] ?? 0) << 8) | (frame[at + 3] ?? 0);
    if (this.#hung) return;
    const serial = (this.#serial = (this.#serial + 1) & 0xffff);
    this.serials.set(this.#asked.get(`${unit} ${address}`) ?? -1, serial);
    const isWrite = frame[at + 1] === 6;
    const pdu = isWrite ? frame.slice(at + 1, at + 6) : registers(address, serial);
    const wrap = (asUnit: number, body: Uint8Array): Uint8Array =>
      this.#isRtu
        ? frameRtu(asUnit, body)
        : Uint8Array.from([...frame.slice(0, 4), 0, body.length + 1, asUnit, ...body]);
    const good = wrap(unit, pdu);
    const delayMs = this.#isRtu ? 12 : 1;
    switch (this.upTo(12)) {
      case 0:
        return; // silent
      case 1: {
        // 100 to 350 ms, with a time-out of 250
        this.send(delayMs + 100 + this.upTo(250), good);
        return;
      }
      case 2:
        this.send(delayMs, good); // twice
        {
          this.send(delayMs + 1, good);
          return;
        }
      case 3:
        this.send(delayMs, good.slice(0, 1 + this.upTo(good.length - 1)));
        if (!this.#isRtu) this.#events = this.#events.slice(-1);
        this.#hung = !this.#isRtu;
        return;
      case 4: {
        const noise = this.#random.bytes(1 + this.upTo(12));
        if (this.#isRtu) this.send(delayMs, noise);
        this.send(delayMs, good);
        return;
      }
      case 5: {
        const bit = this.upTo(pdu.length * 8);
        const damaged = good.slice();
        damaged[at + 1 + (bit >> 3)] = (damaged[at + 1 + (bit >> 3)] ?? 0) ^ (1 << (bit & 7));
        // TCP has its own checksum below: only a serial line damages bytes.
        this.send(delayMs, this.#isRtu ? damaged : good);
        return;
      }
      case 6: {
        this.send(delayMs, wrap(unit + 1, isWrite ? pdu : registers(9, 9)));
        return;
      }
      case 7: {
        this.send(delayMs, wrap(unit, isWrite ? echo(pdu) : Uint8Array.of(3, 2, 9, 9)));
        return;
      }
      case 8: {
        this.send(delayMs, wrap(unit, Uint8Array.of(isWrite ? 0x86 : 0x83, 4)));
        return;
      }
      default: {
        const cut = 1 + this.upTo(good.length - 1); // in two pieces
        this.send(delayMs, good.slice(0, cut));
        this.send(delayMs + (this.#isRtu ? this.upTo(8) : 0), good.slice(cut));
        return;
      }
    }
  }

  upTo(limit: number): number {
    return Math.floor(this.#random.unit() * limit);
  }

  send(afterMs: number, bytes: Uint8Array): void {
    this.#events.push({ atMs: this.#nowMs + afterMs, bytes });
  }
}

function echo(pdu: Uint8Array): Uint8Array {
  return Uint8Array.from(pdu, (byte, at) => (at === 2 ? byte ^ 0x15 : byte));
}

interface Tally {
  readonly good: number;
  readonly wrong: number;
  readonly counters: Bus['counters'];
}

/** `count` transactions of random kinds, at most four waiting, and how many were answered wrongly. */
function transact(framing: Framing, seed: number, count: number): Tally {
  const wire = new HostileWire(framing, seed);
  const random = seededRandom(seed + 1);
  let [good, wrong] = [0, 0];
  for (let id = 0; id < count; id += 1) {
    const unit = 1 + Math.floor(random.unit() * 3);
    const request: ModbusRequest =
      random.unit() < 0.2
        ? { op: 'write', unit, kind: 'holding', offset: id, words: [id & 0xffff] }
        : read(unit, id);
    const priority = request.op === 'write' ? 'write' : random.unit() < 0.2 ? 'read-back' : 'poll';
    wire.submit(job(id, request, priority));
    while (id + 1 - wire.outcomes.size >= 4 && wire.step());
  }
  while (wire.step());
  for (let id = 0; id < count; id += 1) {
    const outcome = wire.outcomes.get(id);
    if (outcome === undefined) wrong += 1;
    else if (outcome.kind === 'data' && outcome.words.length > 0) {
      // The device numbered its answers: any other number was meant for another request.
      const isOwn = outcome.words[0] === id && outcome.words[1] === wire.serials.get(id);
      if (isOwn) good += 1;
      else wrong += 1;
    }
  }
  return { good, wrong, counters: wire.bus.counters };
}

test('on a hostile serial line no transaction is answered with the reply of another', (t) => {
  let good = 0;
  for (let seed = 0; seed < 10; seed += 1) {
    const tally = transact(new RtuFraming(9600), seed, 1000);
    t.is(tally.wrong, 0, `seed ${seed}`);
    t.true(tally.counters.lateReplies > 0 && tally.counters.crcErrors > 0);
    good += tally.good;
  }
  // 6.5 of 12 fates end well or late; much fewer would mean that waiting replaces working.
  t.true(good > 10 * 1000 * 0.8 * 0.4, `${good} good`);
});

test('without the quarantine the same line gives wrong values: the test can fail', (t) => {
  const careless = new RtuFraming(9600);
  Object.defineProperty(careless, 'quarantine', { value: false });
  t.true(transact(careless, 0, 1000).wrong > 0);
});

test('on a hostile TCP connection no transaction is answered with the reply of another', (t) => {
  for (let seed = 0; seed < 10; seed += 1) {
    const tally = transact(new MbapFraming(), seed, 1000);
    t.is(tally.wrong, 0, `seed ${seed}`);
    t.true(tally.counters.lateReplies > 0 && tally.counters.damagedReplies > 0);
  }
});

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
  bus.opening();
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
  t.like(settled[0]?.[1], { kind: 'failed', code: 'EDGE_DEVICE_TIMEOUT' });
  t.is(sent.length, 2);
  t.is(sent[1]?.[0], 2);
  run(bus.received(deadline + 20, frameRtu(1, registers(9, 9))));
  t.is(bus.counters.lateReplies, 1);
  run(bus.received(deadline + 25, frameRtu(2, registers(2, 2))));
  t.deepEqual(settled[1], [3, { kind: 'data', words: [2, 2] }]);
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
  run(bus.closed('unplugged'));
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
  for (let id = 0; id < MAPPER_LIMITS.tcpTimeoutsInARow; id += 1) {
    silent.run(silent.bus.submit(id * 1000, job(id, read(1, 0))));
    kinds.push(...silent.bus.tick(id * 1000 + 251).map(({ kind }) => kind));
  }
  t.deepEqual(kinds, ['settle', 'settle', 'settle', 'reconnect']);
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
  run(bus.closed('gone'));
  run(bus.submit(1, job(3, read(1, 30))));
  const unsent = settled.map(([id, outcome]) => [id, 'unsent' in outcome]);
  t.deepEqual(unsent, [
    [1, false],
    [2, true],
    [3, true],
  ]);
});
