import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { frameRtu } from './adu.js';
import { Bus } from './bus.js';
import type { ModbusRequest } from './frame.js';
import type { Framing } from './framing.js';
import type { BusEffect, BusJob, BusOutcome } from './job.js';
import { MbapFraming } from './mbap-framing.js';
import { RtuFraming } from './rtu-framing.js';
import { job, read, registers } from './test-jobs.js';

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
    this.bus.opening(0);
    this.#run(this.bus.opened(0));
  }

  submit(next: BusJob): void {
    const { unit } = next.request;
    const offset = 'offset' in next.request ? next.request.offset : 0;
    this.#asked.set(`${unit} ${offset}`, next.id);
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
        this.#run(this.bus.closed(this.#nowMs, effect.why));
        this.bus.opening(this.#nowMs);
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
  t.log(`10,000 transactions, ${good} right values, 0 wrong`);
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
  t.log('10,000 over TCP, 0 wrong');
});
