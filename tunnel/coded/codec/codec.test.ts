import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { RowPool } from '../galois/row-pool.js';
import { scriptKernel } from '../galois/script-kernel.js';
import { CODED_LIMITS } from '../limits.js';
import { coefficientsOf, rowCoefficients } from './coefficients.js';
import { SymbolDecoder } from './decoder.js';
import { decodingTrial, makeSymbols } from './decoding-trial.js';
import { encodeRow } from './encoder.js';
import type { SourceSymbol } from './symbol.js';
import { Workbench } from './workbench.js';

const simdBench = new Workbench();
const benches: [string, Workbench][] = [
  [simdBench.pool.kernel.name, simdBench],
  ['script', new Workbench(new RowPool(2_048, 1 << 22, scriptKernel()))],
];

for (const [name, bench] of benches)
  test(`${name}: gives exactly what the plain algebra decides, at once, for 500 loss patterns`, (t) => {
    for (let seed = 1; seed <= 500; seed++) t.is(decodingTrial(bench, seed), undefined);
  });

test('both kernels make the same rows', (t) => {
  const random = seededRandom(5);
  for (let round = 0; round < 200; round++) {
    const members = makeSymbols(random, 1 + Math.floor(random.unit() * 128));
    const rows = benches.map(([, bench]) => encodeRow(bench, members, round));
    t.deepEqual(rows[0], rows[1]);
  }
});

test('coefficients of a seed are published and never zero', (t) => {
  const hex = (seed: number): string => Buffer.from(coefficientsOf(seed, 8)).toString('hex');
  t.deepEqual([0, 1, 513, 65_535].map(hex), [
    '51c0dd8feda3422f',
    'a2802cd21ec84dbe',
    'd8d6e7cc03680c81',
    '6fd408a3bac6066d',
  ]);
  for (let seed = 0; seed < 65_536; seed += 13)
    if (coefficientsOf(seed, 255).includes(0)) t.fail(`seed ${seed}`);
  t.deepEqual(
    Buffer.from(rowCoefficients(1, 10, Uint8Array.of(0b1000_0010, 0b10))).toString('hex'),
    '00a2000000000080002c',
  );
});

test('random rows are as good as ideal ones: at most one in 150 is not independent', (t) => {
  const random = seededRandom(9);
  let wasted = 0;
  for (let round = 0; round < 400; round++) {
    const symbols = makeSymbols(random, 20);
    const decoder = new SymbolDecoder(simdBench);
    for (let row = 0; decoder.base < 20; row++) {
      const { start, span, seed, members, data } = encodeRow(
        simdBench,
        symbols,
        Math.floor(random.unit() * 65_536),
      );
      decoder.row(start, rowCoefficients(seed, span, members), data);
      if (row >= 20) wasted++;
    }
    t.is(decoder.undecided, 0);
  }
  t.true(wasted <= (400 * 20) / 150, `${wasted} of 8,000`);
});

test('a sliding window goes on for 20,000 symbols at 30 % loss within its memory', (t) => {
  const random = seededRandom(3);
  const before = simdBench.pool.taken;
  const decoder = new SymbolDecoder(simdBench, 64 * 1024);
  const window: SourceSymbol[] = [];
  let given = 0;
  let peak = 0;
  for (let number = 0; number < 20_000; number++) {
    const symbol = { number, data: random.bytes(50) };
    window.push(symbol);
    if (random.unit() > 0.3) given += decoder.source(number, symbol.data).length;
    while (window.length > 0 && decoder.has(window[0]?.number ?? 0)) window.shift();
    const missing = window.filter(({ number: one }) => !decoder.has(one));
    if (missing.length > 0 && random.unit() < 0.6) {
      const seed = number & 0xffff;
      const row = encodeRow(simdBench, window.slice(0, 100), seed);
      const start = window[0]?.number ?? 0;
      if (random.unit() > 0.3)
        given += decoder.row(start, rowCoefficients(seed, row.span, row.members), row.data).length;
    }
    peak = Math.max(peak, simdBench.pool.taken - before);
    if (decoder.knownBytes > 64 * 1024) t.fail('too many known symbols');
  }
  t.true(given > 19_500 && peak <= CODED_LIMITS.undecidedRows, `${given}, ${peak} rows`);
  t.is(decoder.counts.inconsistent, 0);
  decoder.close();
  t.is(simdBench.pool.taken, before);
});

test('hostile rows neither grow nor stop a decoder', (t) => {
  const before = simdBench.pool.taken;
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const decoder = new SymbolDecoder(simdBench, 16 * 1024);
    const below = (limit: number): number => Math.floor(random.unit() * limit);
    for (let step = 0; step < 300; step++) {
      const start = below(random.unit() < 0.1 ? 3_000 : 200);
      const coefficients = random.bytes(1 + below(255));
      if (random.unit() < 0.7) coefficients.fill(0, 1 + below(4));
      const image = random.bytes(below(random.unit() < 0.1 ? 1_600 : 40));
      if (random.unit() < 0.5) image.fill(0, 0, 1);
      if (random.unit() < 0.2) decoder.source(start, image);
      else decoder.row(start, coefficients, image);
      if (simdBench.pool.taken - before > CODED_LIMITS.undecidedRows) t.fail(`seed ${seed}`);
      if (decoder.knownBytes > 16 * 1024 + 1_600) t.fail(`seed ${seed}`);
    }
    const { inconsistent, outside } = decoder.counts;
    t.true(inconsistent > 0 && outside > 0);
    decoder.close();
    t.is(simdBench.pool.taken, before);
  }
});

test('a full process drops rows, counts them, and goes on with plain symbols', (t) => {
  const pool = new RowPool(2_048, 2_048 * 18, scriptKernel()); // one row beside the staged ones
  const bench = new Workbench(pool);
  const symbols = makeSymbols(seededRandom(1), 6);
  const decoder = new SymbolDecoder(bench);
  for (let seed = 1; seed <= 3; seed++) {
    const { start, span, members, data } = encodeRow(bench, symbols.slice(0, 4), seed);
    decoder.row(start, rowCoefficients(seed, span, members), data);
  }
  t.is(decoder.counts.full, 2);
  const known = symbols.slice(0, 3).flatMap(({ number, data }) => decoder.source(number, data));
  t.deepEqual(
    known.map(({ number }) => number),
    [0, 1, 2, 3],
  );
});
