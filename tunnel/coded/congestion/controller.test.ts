import test from 'ava';
import fc from 'fast-check';
import { RoundTrip } from '../recovery/round-trip.js';
import { CONGESTION } from './constants.js';
import { CongestionController, type CongestionStatus } from './controller.js';
import { Pacer } from './pacer.js';
import { RecentExtreme } from './recent-extreme.js';

const PACKET = CONGESTION.packetBytes;

function complaint(status: CongestionStatus): string | undefined {
  const { windowMin, windowMax } = CONGESTION;
  const { windowBytes, paceBytesPerSecond, ...others } = status;
  if (!(windowBytes >= windowMin * PACKET)) return `window ${windowBytes}`;
  if (!(windowBytes <= windowMax * PACKET)) return `window ${windowBytes}`;
  if (!(paceBytesPerSecond > 0 && paceBytesPerSecond < Infinity))
    return `pace ${paceBytesPerSecond}`;
  for (const [name, value] of Object.entries(others))
    if (typeof value === 'number' && !(value >= 0 && value < Infinity)) return `${name} ${value}`;
  return undefined;
}

/** One step of an arbitrary network: time passes, packets leave, some are told of in any way. */
const step = fc.record({
  passesMs: fc.oneof(fc.double({ min: 0, max: 50, noNaN: true }), fc.constantFrom(0, 400, 5_000)),
  bytes: fc.integer({ min: 40, max: 1_500 }),
  waiting: fc.boolean(),
  told: fc.array(fc.constantFrom('arrived', 'lost', 'nothing'), { maxLength: 12 }),
  roundTripMs: fc.option(fc.double({ min: 0.1, max: 3_000, noNaN: true }), { nil: undefined }),
  clockMs: fc.option(fc.double({ min: -1e6, max: 1e9, noNaN: true }), { nil: undefined }),
});

test('whatever is told, the window stays within its limits and the sender never falls silent', (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
      const roundTrip = new RoundTrip(50);
      const controller = new CongestionController(roundTrip);
      const open: { number: number; bytes: number }[] = [];
      let now = 0;
      let next = 0;
      for (const { passesMs, bytes, waiting, told, roundTripMs, clockMs } of steps) {
        now += passesMs;
        controller.onTimer(now);
        for (let sent = 0; sent < 40 && controller.maySend(now); sent++) {
          const packet = { number: next++, bytes };
          open.push(packet);
          controller.onSent(packet, now);
        }
        controller.onPause(waiting);
        const arrived = [];
        const lost = [];
        for (const fate of told) {
          const packet = open.shift();
          if (packet === undefined) break;
          if (fate === 'arrived') arrived.push(packet);
          if (fate === 'lost') lost.push(packet);
        }
        if (roundTripMs !== undefined) roundTrip.sample(roundTripMs, 0);
        const times =
          clockMs === undefined ? [] : arrived.map(({ number }) => ({ number, at: now + clockMs }));
        controller.onAcknowledged({ arrived, lost, roundTripMs }, times, now);
        t.is(complaint(controller.status), undefined);
      }
      const silentFrom = now;
      for (let alarms = 0; !controller.maySend(now); alarms++) {
        const at = controller.wakeAt(now);
        t.true(at > now && at < Infinity, `alarm at ${at}, now ${now}`);
        t.true(alarms < 10_000);
        now = at;
        controller.onTimer(now);
      }
      t.true(now - silentFrom < 30_000, `silent for ${now - silentFrom} ms`);
    }),
    { numRuns: 300 },
  );
});

/** Sends as much as the controller lets over a link of one packet a millisecond. */
function drive(
  controller: CongestionController,
  roundTrip: RoundTrip,
  { ms, baseMs = 100, loses = () => false }: DriveOptions,
): void {
  const sent = new Map<number, { bytes: number; at: number }>();
  const events: { at: number; number: number; receivedAt: number }[] = [];
  let busyUntil = 0;
  let next = 0;
  for (let now = 0; now < ms; now += 0.5) {
    while ((events[0]?.at ?? Infinity) <= now) {
      const event = events.shift()!;
      const packet = { number: event.number, bytes: PACKET };
      const lost = [...sent.keys()]
        .filter((number) => number < event.number - 3)
        .map((number) => ({ number, bytes: PACKET }));
      for (const { number } of lost) sent.delete(number);
      const sample = roundTrip.sample(now - sent.get(event.number)!.at, 0);
      sent.delete(event.number);
      const times = [{ number: event.number, at: event.receivedAt + 7e6 }];
      controller.onAcknowledged({ arrived: [packet], lost, roundTripMs: sample }, times, now);
    }
    controller.onTimer(now);
    while (controller.maySend(now)) {
      const number = next++;
      controller.onSent({ number, bytes: PACKET }, now);
      sent.set(number, { bytes: PACKET, at: now });
      busyUntil = Math.max(busyUntil, now) + 1;
      const receivedAt = busyUntil + baseMs / 2;
      if (!loses(number)) events.push({ at: receivedAt + baseMs / 2, number, receivedAt });
    }
    controller.onPause(true);
  }
}

interface DriveOptions {
  readonly ms: number;
  readonly baseMs?: number;
  readonly loses?: (number: number) => boolean;
}

test('alone it fills the link with a queue near its target, and tells the base delay', (t) => {
  const roundTrip = new RoundTrip(100);
  const controller = new CongestionController(roundTrip);
  drive(controller, roundTrip, { ms: 4_400 });
  const { mode, windowBytes, queueMs, baseRoundTripMs } = controller.status;
  t.is(mode, 'delay');
  t.true(windowBytes / PACKET > 103 && windowBytes / PACKET < 125, `${windowBytes / PACKET}`);
  t.true(queueMs > 5 && queueMs < 16, `${queueMs}`);
  t.true(Math.abs(baseRoundTripMs - 101) < 1.5, `${baseRoundTripMs}`);
});

test('loss without a queue does not shrink the window, and is told as random', (t) => {
  const roundTrip = new RoundTrip(100);
  const controller = new CongestionController(roundTrip);
  drive(controller, roundTrip, { ms: 12_000, loses: (number) => number % 5 === 2 });
  const { windowBytes, randomLoss } = controller.status;
  t.true(windowBytes / PACKET > 103, `${windowBytes / PACKET}`);
  t.true(Math.abs((randomLoss ?? 0) - 0.2) < 0.05, `${randomLoss}`);
});

test('what is heard after nothing at all ends a silence once, before anything is acknowledged', (t) => {
  const controller = new CongestionController(new RoundTrip(100));
  let now = 0;
  let next = 0;
  const pass = (ms: number): void => {
    for (const until = now + ms; now < until; now++) {
      controller.onTimer(now);
      while (controller.maySend(now)) controller.onSent({ number: next++, bytes: PACKET }, now);
    }
  };
  pass(2_000);
  t.true(controller.asksAck);
  t.is(controller.onHeard(30, now), undefined, 'it was heard all the time');
  t.is(controller.onHeard(2_000, now), now - 50);
  t.false(controller.asksAck);
  t.true(controller.status.windowBytes >= CONGESTION.windowInitial * PACKET);
  pass(2_000);
  t.true(controller.asksAck);
  t.is(controller.onHeard(2_000, now), undefined);
});

test('an extreme of late forgets what is old, in constant memory', (t) => {
  const least = new RecentExtreme('least', 30, 10);
  least.add(5, 0);
  least.add(7, 12);
  least.add(9, 25);
  t.is(least.value, 5);
  least.add(9, 31);
  t.is(least.value, 7);
  least.add(Number.NaN, 32);
  t.is(least.value, 7);
  least.add(1, 33);
  t.is(least.value, 1);
});

test('a late wake-up is made good by a small burst only', (t) => {
  const pacer = new Pacer();
  const burst = (now: number): number => {
    let packets = 0;
    for (; pacer.dueAt <= now; packets++) pacer.sent(1, 1, now);
    return packets;
  };
  t.is(burst(0), 3);
  t.is(burst(1), 1);
  t.is(burst(500), 3);
  t.true(pacer.dueAt > 500 && pacer.dueAt <= 501);
});
