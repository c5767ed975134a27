import { seededRandom, type Random } from '#protocol/random.js';
import { inverse, multiply } from '../galois/tables.js';
import { rowCoefficients } from './coefficients.js';
import { SymbolDecoder } from './decoder.js';
import { encodeRow } from './encoder.js';
import type { SourceSymbol } from './symbol.js';
import type { Workbench } from './workbench.js';

// For tests: the decoder beside the plainest algebra.

/** Which unknowns a set of equations decides, by Gauss-Jordan in the plainest words. */
function decidable(equations: readonly (readonly number[])[], unknowns: number): Set<number> {
  const rows = equations.map((row) => [...row]);
  const decided = new Set<number>();
  let rank = 0;
  for (let column = 0; column < unknowns; column++) {
    const found = rows.findIndex((row, index) => index >= rank && row[column] !== 0);
    if (found === -1) continue;
    const [pivot] = rows.splice(found, 1) as [number[]];
    const lead = inverse(pivot[column] ?? 0);
    const scaled = pivot.map((value) => multiply(value, lead));
    for (const row of rows) {
      const factor = row[column] ?? 0;
      scaled.forEach((value, index) => (row[index] = (row[index] ?? 0) ^ multiply(value, factor)));
    }
    rows.splice(rank++, 0, scaled);
  }
  for (const row of rows.slice(0, rank)) {
    const used = [...row.keys()].filter((column) => row[column] !== 0);
    if (used.length === 1) decided.add(used[0] ?? 0);
  }
  return decided;
}

export function makeSymbols(random: Random, count: number): SourceSymbol[] {
  return Array.from({ length: count }, (_, number) => ({
    number,
    data: random.bytes(Math.floor(random.unit() ** 3 * 300)),
  }));
}

function some<T>(random: Random, items: readonly T[], share: number): T[] {
  return items.filter(() => random.unit() < share);
}

/**
 * One seed: a lossy, shuffled, repeating stream of symbols and rows beside the plain algebra.
 * Says what went wrong, if anything did.
 */
export function decodingTrial(bench: Workbench, seed: number): string | undefined {
  const random = seededRandom(seed);
  const symbols = makeSymbols(random, 2 + Math.floor(random.unit() * 30));
  const loss = random.unit();
  const density = 0.1 + random.unit() * 0.9;
  const rows = Array.from({ length: Math.floor(random.unit() * 2 * symbols.length) }, () => {
    const chosen = some(random, symbols, density);
    const members = chosen.length > 0 ? chosen : symbols.slice(0, 1);
    return encodeRow(bench, members, Math.floor(random.unit() * 65_536));
  });
  type Item = SourceSymbol | ReturnType<typeof encodeRow>;
  const sent: Item[] = [...some(random, symbols, 1 - loss), ...rows];
  sent.push(...some(random, sent, 0.1));
  sent.sort(() => random.unit() - 0.5);

  const before = bench.pool.taken;
  const decoder = new SymbolDecoder(bench);
  const equations: number[][] = [];
  const given = new Map<number, Uint8Array>();
  for (const item of sent) {
    const equation = symbols.map(() => 0);
    let news: SourceSymbol[];
    if ('kind' in item) {
      const coefficients = rowCoefficients(item.seed, item.span, item.members);
      coefficients.forEach((value, index) => (equation[item.start + index] = value));
      news = decoder.row(item.start, coefficients, item.data);
    } else {
      equation[item.number] = 1;
      news = decoder.source(item.number, item.data);
    }
    for (const { number, data } of news) {
      if (given.has(number)) return `seed ${seed}: symbol ${number} twice`;
      given.set(number, data);
    }
    equations.push(equation);
    const expected = decidable(equations, symbols.length);
    if (expected.size !== given.size || [...expected].some((number) => !given.has(number)))
      return `seed ${seed}: ${given.size} given, ${expected.size} can be known`;
  }
  for (const [number, data] of given)
    if (Buffer.compare(data, symbols[number]?.data ?? data) !== 0)
      return `seed ${seed}: symbol ${number} is wrong`;
  if (decoder.counts.inconsistent + decoder.counts.outside + decoder.counts.full > 0)
    return `seed ${seed}: ${JSON.stringify(decoder.counts)}`;
  decoder.close();
  if (bench.pool.taken !== before) return `seed ${seed}: rows were lost`;
  return undefined;
}
