import test from 'ava';
import type { ArrivedPacket, Feedback } from './feedback.js';
import { LossGauge } from './loss-gauge.js';

/** Packets of these numbers; every `lostOf`th is lost, the others met a queue of so long. */
function feedback(from: number, to: number, lostOf: number, queueMs: number): Feedback {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  const isLost = (number: number): boolean => number % lostOf === 0;
  const arrived = numbers.filter((number) => !isLost(number)).map((number) => packet(number));
  const lost = numbers.filter(isLost).map((number) => ({ number, size: 1, queueMs }));
  return {
    ...{ arrived, lost, now: to, smoothedMs: 100, inFlight: 0 },
    ...{ deliveredTotal: to, nextNumber: to },
  };
  function packet(number: number): ArrivedPacket {
    const sent = { number, sentAt: number, size: 1, sentTotal: number + 1, limited: true };
    return { ...sent, receivedAt: number, queueMs };
  }
}

test('what start-up loses by overflow is not taken for loss of the link', (t) => {
  const gauge = new LossGauge();
  gauge.take(feedback(0, 300, 3, 40), 40);
  t.true(gauge.mean > 0.3, 'all that is known of it as long as it lasts');
  gauge.judgeFrom(600);
  // Told after its end, of packets that it sent: the queue is as full.
  gauge.take(feedback(300, 600, 3, 40), 40);
  t.is(gauge.random, undefined);
  t.is(gauge.persistent, 0);
  gauge.take(feedback(600, 900, 1_000, 0), 40);
  t.true((gauge.random ?? 1) < 0.02, `${gauge.random}`);
});

test('loss with an empty queue is the link’s, loss at a full one is not', (t) => {
  const gauge = new LossGauge();
  gauge.judgeFrom(0);
  gauge.take(feedback(1, 401, 10, 0), 40);
  t.is(gauge.random, 0.1);
  gauge.take(feedback(401, 801, 2, 40), 40);
  t.is(gauge.random, 0.1);
  t.true(gauge.endRound(400) > 0);
});

test('an overflow that lasts for rounds is congestion in each of them', (t) => {
  const gauge = new LossGauge();
  gauge.judgeFrom(0);
  gauge.take(feedback(1, 401, 1_000, 0), 40);
  t.is(gauge.random, 0);
  for (let from = 401; from < 2_801; from += 60) {
    gauge.take(feedback(from, from + 60, 2, 40), 40);
    t.true(gauge.endRound(60) > 10, `${from}`);
  }
  t.is(gauge.persistent, 0.5);
});
