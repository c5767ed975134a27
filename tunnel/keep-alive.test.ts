import test from 'ava';
import fc from 'fast-check';
import { KeepAlive } from './keep-alive.js';

const limits = { keepAliveMs: 5_000, silenceMs: 9_500, roundTripMs: 30_000 };

test('speaks after five seconds without a word, and gives up after nine and a half of silence', (t) => {
  const alive = new KeepAlive(0, limits);
  t.is(alive.dueAtMs(), 5_000);
  t.is(alive.due(4_999), undefined);
  t.is(alive.due(5_000), 'ask');
  alive.asked(5_000);
  t.is(alive.dueAtMs(), 9_500);
  t.is(alive.due(9_499), undefined);
  t.is(alive.due(9_500), 'lost');
});

test('a peer that is heard is never lost, however little we say', (t) => {
  const alive = new KeepAlive(0, limits);
  for (let nowMs = 0; nowMs < 600_000; nowMs += 9_000) {
    t.not(alive.due(nowMs), 'lost');
    alive.heard(nowMs);
  }
});

test('hearing much does not excuse from speaking: the peer must hear us too', (t) => {
  const alive = new KeepAlive(0, limits);
  for (let nowMs = 0; nowMs < 5_000; nowMs += 100) alive.heard(nowMs);
  t.is(alive.due(5_000), 'ask');
});

test('a busy connection measures its round trip now and then', (t) => {
  const alive = new KeepAlive(0, limits);
  for (let nowMs = 0; nowMs < 30_000; nowMs += 1_000) {
    alive.heard(nowMs);
    alive.said(nowMs);
    t.is(alive.due(nowMs), undefined);
  }
  t.is(alive.due(30_000), 'ask');
});

test('the round trip time is smoothed, and an answer nobody asked for is ignored', (t) => {
  const alive = new KeepAlive(0, limits);
  alive.answered(100);
  t.is(alive.rttMs, undefined);
  alive.asked(1_000);
  alive.answered(1_080);
  t.is(alive.rttMs, 80);
  alive.asked(2_000);
  alive.answered(2_160);
  t.is(alive.rttMs, 90);
});

test('two ends that follow it stay connected for ever on any link faster than four and a half seconds', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_400 }), (latencyMs) => {
      const ends = [new KeepAlive(0, limits), new KeepAlive(0, limits)] as const;
      const flights: { atMs: number; to: KeepAlive }[] = [];
      for (let nowMs = 0; nowMs < 120_000; nowMs += 50) {
        for (const { to } of flights.filter(({ atMs }) => atMs === nowMs)) to.heard(nowMs);
        for (const [self, other] of [ends, [ends[1], ends[0]] as const]) {
          const due = self.due(nowMs);
          t.not(due, 'lost');
          if (due !== 'ask') continue;
          self.asked(nowMs);
          flights.push({ atMs: nowMs + Math.ceil(latencyMs / 50) * 50, to: other });
        }
      }
    }),
  );
});
