import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '#protocol/random.js';
import { RECOVERY, RESIDUAL_LOSS } from './constants.js';
import { LossEstimate } from './loss-estimate.js';
import { Path } from './path.js';
import { readPathMemory } from './path-memory.js';
import { CopyBudget, Dither, roundCopies, timeOutMs, transmissions } from './redundancy.js';
import { Reordering } from './reordering.js';
import { RoundTrip } from './round-trip.js';
import { StandingQueue } from './standing-queue.js';
import { tailGroups, tailRows } from './tail.js';

function estimate(losses: readonly boolean[], gapMs = 5): LossEstimate {
  const losing = new LossEstimate();
  losses.forEach((lost, index) => {
    const before = losses[index - 1];
    losing.packet(lost, before === undefined ? undefined : { sinceMs: gapMs, lost: before });
  });
  return losing;
}

test('loss is found within some thirty packets and forgotten within some hundreds', (t) => {
  const random = seededRandom(4);
  const lossy = (count: number, loss: number): boolean[] =>
    Array.from({ length: count }, () => random.unit() < loss);
  t.is(estimate(lossy(500, 0)).loss, 0);
  const { loss } = estimate(lossy(2_000, 0.2));
  t.true(loss > 0.14 && loss < 0.26, `${loss}`);
  t.true(estimate([...lossy(500, 0), ...lossy(60, 0.3)]).loss > 0.08);
  t.true(estimate([...lossy(500, 0.3), ...lossy(1_500, 0)]).loss < RECOVERY.lossMin);
});

test('bursts show as conditional loss, independent losses do not', (t) => {
  const random = seededRandom(8);
  const independent = estimate(Array.from({ length: 3_000 }, () => random.unit() < 0.1));
  t.is(independent.conditionalLoss, independent.loss);
  const bursts = estimate(Array.from({ length: 3_000 }, (_, index) => index % 100 < 10));
  t.true(bursts.conditionalLoss > 0.7, `${bursts.conditionalLoss}`);
  const apart = estimate(
    Array.from({ length: 3_000 }, (_, index) => index % 100 < 10),
    100,
  );
  t.is(apart.conditionalLoss, apart.loss);
});

test('transmissions: none on a clean link, the residual within the point, none in bursts', (t) => {
  const path = (
    loss: number,
    conditionalLoss = loss,
  ): { loss: number; conditionalLoss: number } => ({
    loss,
    conditionalLoss,
  });
  t.is(transmissions(path(0.005), 'asap'), 1);
  t.is(transmissions(path(0.3), 'lean'), 1);
  t.is(transmissions(path(0.3), 'bulk'), 1);
  t.is(transmissions(path(0.1, 0.9), 'asap'), 1);
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 0.5, noNaN: true }), (loss) => {
      const k = transmissions(path(loss), 'asap');
      t.true(k >= 1 && k <= RECOVERY.transmissionsMax);
      const whole = Math.floor(k);
      const residual = loss ** whole * (1 - (k - whole)) + loss ** (whole + 1) * (k - whole);
      if (k < RECOVERY.transmissionsMax)
        t.true(residual <= RESIDUAL_LOSS.asap + 1e-4, `${loss}: ${residual}`);
    }),
  );
});

test('dithered transmissions have the mean that was asked for', (t) => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 5, noNaN: true }), (real) => {
      const dither = new Dither();
      let sum = 0;
      for (let message = 0; message < 1_000; message++) sum += dither.whole(real);
      t.true(Math.abs(sum / 1_000 - real) < 0.002);
    }),
  );
});

test('copies never cost more than their budget', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 50, max: 1_400 }), { maxLength: 400 }), (sizes) => {
      const budget = new CopyBudget();
      let first = 0;
      let copies = 0;
      for (const size of sizes) {
        const whole = Math.floor(budget.allow(5, size));
        budget.spend((whole - 1) * size);
        first += size;
        copies += (whole - 1) * size;
      }
      t.true(copies <= RECOVERY.budgetShare * first);
    }),
  );
});

test('retransmissions: one on a clean link, several on a lossy one, one in a queue', (t) => {
  const clean = { loss: 0, conditionalLoss: 0 };
  const lossy = { loss: 0.1, conditionalLoss: 0.1 };
  t.is(roundCopies(clean, 'asap', 1, false), 1);
  t.is(roundCopies(lossy, 'lean', 1, false), 2);
  t.is(roundCopies(lossy, 'lean', 2, false), 3);
  t.is(roundCopies({ loss: 0.1, conditionalLoss: 0.6 }, 'asap', 1, false), 4);
  t.is(roundCopies(lossy, 'asap', 3, true), 1);
  t.is(roundCopies(lossy, 'bulk', 2, false), 1);
  t.is(roundCopies(lossy, 'bulk', 3, false), 2);
  const roundTrip = new RoundTrip(100);
  const early = timeOutMs(lossy, roundTrip, 4, true);
  t.is(timeOutMs(lossy, roundTrip, 1, true), early);
  t.is(timeOutMs(lossy, roundTrip, 1, false), early + roundTrip.ackDelayMs);
  t.is(timeOutMs(lossy, roundTrip, 100, true), early * RECOVERY.backoffMax);
});

test('a standing queue stops copies, and for longer when they brought it back', (t) => {
  const queue = new StandingQueue();
  const feed = (from: number, rttMs: number): number => {
    for (let at = from; at < from + 600; at += 20) queue.sample(rttMs, 100, 100, at);
    return from + 600;
  };
  t.true(queue.copiesAllowed(feed(0, 105)));
  let now = feed(600, 130);
  t.true(queue.standing);
  t.false(queue.copiesAllowed(now));
  now = feed(now, 101);
  t.false(queue.standing);
  t.false(queue.copiesAllowed(now), 'held for two seconds');
  t.true(queue.copiesAllowed(now + 2_000));
  now = feed(now + 2_000, 130);
  now = feed(now, 101);
  t.false(queue.copiesAllowed(now + 3_000), 'held for four seconds');
  t.true(queue.copiesAllowed(now + 4_000));
});

test('a longer route is believed after two minutes with hardly any loss, a full queue is not', (t) => {
  const queue = new StandingQueue();
  for (let at = 0; at <= 130_000; at += 100) queue.sample(150, 100, 150, at);
  t.is(queue.longerRoute(0.05, 130_000), undefined);
  t.is(queue.longerRoute(0, 100_000), undefined);
  t.is(queue.longerRoute(0, 130_000), 150);
});

test('the evidence rule grows to the reordering seen, within half a round trip, and forgets', (t) => {
  const reordering = new Reordering();
  reordering.seen(20, 100);
  t.is(reordering.windowMs, 26);
  reordering.seen(500, 100);
  t.is(reordering.windowMs, 50);
  for (let packet = 0; packet < 5_000; packet++) reordering.inOrder();
  t.true(reordering.windowMs < 5);
});

test('a tail gets the fewest rows that let it be known', (t) => {
  t.is(tailRows(0, 0.1, 0.02), 0);
  t.is(tailRows(100, 0, 0.02), 0);
  const random = seededRandom(6);
  for (const [outstanding, loss] of [
    [5, 0.1],
    [100, 0.1],
    [128, 0.3],
  ] as const) {
    const rows = tailRows(outstanding, loss, 0.02);
    let failed = 0;
    for (let round = 0; round < 2_000; round++) {
      let lost = 0;
      for (let packet = 0; packet < outstanding + rows; packet++) if (random.unit() < loss) lost++;
      if (lost > rows) failed++;
    }
    t.true(failed / 2_000 < 0.032, `${outstanding} at ${loss}: ${rows} rows, ${failed}`);
    t.true(rows < 3 * outstanding * loss + 3);
  }
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(900), { maxLength: 300 }), (numbers) => {
      const sorted = numbers.sort((a, b) => a - b);
      const groups = tailGroups(sorted);
      t.deepEqual(groups.flat(), sorted);
      for (const group of groups) t.true((group.at(-1) ?? 0) - (group[0] ?? 0) <= 128);
    }),
  );
});

test('what a path learnt outlives the session; anything else that was kept does not harm', (t) => {
  const path = new Path({ roundTripMs: 50 });
  for (let number = 0; number < 400; number++) {
    path.sent(300, number * 10);
    if (number % 5 === 0) continue; // lost
    const runs = number % 5 === 1 && number > 1 ? [1, 1, 1] : [1];
    path.acknowledged(
      { kind: 'ack', largest: number, delayMs: 0, received: 0, runs },
      number * 10 + 50,
    );
  }
  t.true(path.loss > 0.12 && path.loss < 0.3, `${path.loss}`);
  const kept: unknown = JSON.parse(JSON.stringify(path.remember()));
  const next = new Path({ roundTripMs: 50, memory: kept });
  t.true(Math.abs(next.loss - path.loss) < 0.05);
  fc.assert(
    fc.property(fc.anything(), (anything) => {
      t.is(new Path({ roundTripMs: 50, memory: anything }).loss, 0);
    }),
  );
  t.is(readPathMemory({ ...path.remember(), slow: Number.NaN }), undefined);
});

test('an acknowledgement of packets never sent is refused', (t) => {
  const path = new Path({ roundTripMs: 50 });
  path.sent(300, 0);
  const ack = { kind: 'ack', delayMs: 0, received: 1, runs: [1] } as const;
  t.is(path.acknowledged({ ...ack, largest: 1 }, 50), undefined);
  t.truthy(path.acknowledged({ ...ack, largest: 0, runs: [2 ** 31 - 1] }, 50));
});
