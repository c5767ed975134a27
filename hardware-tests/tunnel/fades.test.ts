import test from 'ava';
import {
  CongestionController,
  type CongestionStatus,
} from '#tunnel/coded/congestion/controller.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { Path } from '#tunnel/coded/recovery/path.js';
import { RoundTrip } from '#tunnel/coded/recovery/round-trip.js';
import { SymbolSender } from '#tunnel/coded/recovery/symbol-sender.js';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { runContest } from './contest.js';

const bench = new Workbench();
test('what a fade has lost leaves the window by time alone, long before a time-out', (t) => {
  const roundTrip = new RoundTrip(40);
  const controller = new CongestionController(roundTrip);
  let now = 0;
  for (let number = 0; number < 10; now++)
    if (controller.maySend(now)) controller.onSent({ number: number++, bytes: 1_228 }, now);
  now = Math.max(now, 40);
  const first = { number: 0, bytes: 1_228 };
  roundTrip.sample(40, 0);
  controller.onAcknowledged({ arrived: [first], lost: [], roundTripMs: 40 }, [], now);
  controller.onTimer(now + 48);
  const { inFlightBytes, timeOuts } = controller.status;
  t.is(timeOuts, 0);
  t.true(inFlightBytes <= 4 * 1_228, `${inFlightBytes}`);
});

// Simulated time and fixed seeds: the figures are the same on every machine.
test('bursts of four packets, RTT 300: goodput', (t) => {
  const contest = { flows: [{ kind: 'own' }], roundTripMs: 300, seconds: 12, seed: 1 } as const;
  const figures = runContest({ ...contest, link: { fades: { goodMs: 40, badMs: 4.4 } } }, bench);
  const share = (figures.flows[0]?.goodput ?? 0) / 0.9;
  t.log(`${(100 * share).toFixed(0)} % of what the link carries beside its losses`);
  t.true(share >= 0.9);
});

test('the overflow of start-up is not taken for loss of the link', (t) => {
  let most = 0;
  const watch = ({ randomLoss = 0 }: CongestionStatus): void => {
    most = Math.max(most, randomLoss);
  };
  const contest = { roundTripMs: 100, seconds: 6, seed: 1, queueBytes: 30_000 } as const;
  runContest({ ...contest, flows: [{ kind: 'own', watch }] }, bench);
  t.true(most < 0.02, `${most}`);
});

test('the window ends at the oldest symbol that is not known, however many others are', (t) => {
  const path = new Path({ roundTripMs: 100 });
  const sender = new SymbolSender(bench, path);
  while (sender.offer(new Uint8Array(1_000), 'bulk', 0) !== undefined);
  for (let sent = 0; sent < CODED_LIMITS.windowSymbols; sent++) {
    sender.take(1, 1_100);
    path.sent(1_228, 1);
  }
  const known = new Uint8Array(CODED_LIMITS.windowSymbols / 8).fill(255);
  sender.known({ kind: 'symbols', base: 0, undecided: 0, known });
  t.is(sender.open, 1);
  t.is(sender.room, 0);
  t.is(sender.offer(new Uint8Array(1), 'asap', 2), undefined);
});
