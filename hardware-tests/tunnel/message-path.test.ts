import test from 'ava';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { runBulk } from './bulk-run.js';
import { livenessTrial } from './liveness.js';
import { MESSAGE_CELLS } from './message-cells.js';
import { runMessages } from './message-run.js';

const bench = new Workbench();

// Simulated time and fixed seeds: the figures are the same on every machine.
for (const { name, load, atMost } of MESSAGE_CELLS)
  test(`messages: ${name}`, (t) => {
    const messages = load.gate === undefined ? 4_000 : 2_000;
    const figures = runMessages({ ...load, seed: 21, messages }, bench);
    t.log(
      `p50 ${figures.p50.toFixed(0)}, p99 ${figures.p99.toFixed(0)},`,
      `p99.9 ${figures.p999.toFixed(0)}, max ${figures.max.toFixed(0)} ms,`,
      `${figures.bytesPerMessage.toFixed(0)} bytes, sent ${figures.overhead.toFixed(3)} times`,
    );
    t.is(figures.lost, 0);
    for (const figure of Object.keys(atMost) as (keyof typeof atMost)[])
      t.true(figures[figure] <= (atMost[figure] ?? 0), `${figure}: ${figures[figure]}`);
  });

test('copies stop by themselves at a standing queue, without congestion control', (t) => {
  // 26.2 kB/s offered to 40 kB/s: with copies it does not fit, and feeding the queue would send
  // everything four times over.
  const load = {
    point: 'asap',
    roundTripMs: 100,
    perSecond: 100,
    seed: 21,
    messages: 3_000,
  } as const;
  const link = { loss: 0.05, rate: 40, queueBytes: 20_000 };
  const figures = runMessages({ ...load, link }, bench);
  t.is(figures.lost, 0);
  t.true(figures.overhead < 1.3, `${figures.overhead}`);
});

test('a message with copies is not sent again because one acknowledgement was lost', (t) => {
  const load = {
    point: 'asap',
    roundTripMs: 100,
    periodic: true,
    seed: 4,
    messages: 2_000,
  } as const;
  const { retransmissions } = runMessages({ ...load, link: { loss: 0.1 } }, bench);
  t.log(
    `${retransmissions.toFixed(3)} retransmissions a message; a tenth of the acknowledgements is lost`,
  );
  t.true(retransmissions < 0.05);
});

test('one message a second: what a former session learnt of the path helps at once', (t) => {
  const load = { point: 'asap', roundTripMs: 100, perSecond: 1, seed: 5, messages: 300 } as const;
  const memory = { version: 1, slow: 0.2, fast: 0.2, conditional: 0.2, samples: 900, pairs: 90 };
  const link = { loss: 0.2 };
  const fresh = runMessages({ ...load, link, messages: 40 }, bench);
  const warm = runMessages({ ...load, link, messages: 40, memory }, bench);
  t.true(warm.bytesPerMessage > fresh.bytesPerMessage);
});

test('reordering: the evidence rule adapts, and little is sent twice', (t) => {
  const link = { jitterMs: 10, reorders: true };
  const load = {
    point: 'lean',
    roundTripMs: 100,
    perSecond: 200,
    seed: 3,
    messages: 6_000,
  } as const;
  const figures = runMessages({ ...load, link }, bench);
  t.log(`window ${figures.reorderingMs.toFixed(1)} ms, sent ${figures.overhead.toFixed(3)} times`);
  t.true(figures.reorderingMs > 15);
  t.true(figures.overhead < 1.05, `${figures.overhead}`);
});

test('bulk: coded rows spare the tail its round trips', (t) => {
  const load = { bytes: 1_000_000, roundTripMs: 100, seed: 2, rate: 1_250, link: { loss: 0.1 } };
  const plain = runBulk({ ...load, tail: false }, bench);
  const coded = runBulk({ ...load, tail: true }, bench);
  t.log(`${plain.timesIdeal.toFixed(3)} times ideal without, ${coded.timesIdeal.toFixed(3)} with`);
  t.true(coded.timesIdeal < 1.08 && coded.timesIdeal < plain.timesIdeal);
});

test('after loss stops everything arrives in time, whatever happened before', (t) => {
  for (let seed = 1; seed <= 60; seed++) t.is(livenessTrial(seed, bench), undefined);
});
