import { EdgeError } from '#protocol/errors.js';
import { CODED_LIMITS } from '../limits.js';
import type { RepairFrame } from '../wire/frame.js';
import { SYMBOL_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';
import { coefficientsOf } from './coefficients.js';
import { imageLength, type SourceSymbol } from './symbol.js';
import type { Workbench } from './workbench.js';

/**
 * One coded row over the members: 1 .. 128 symbols in rising order within a span of 255. Systematic
 * coding keeps no state: the sender owns its unacknowledged symbols.
 */
export function encodeRow(
  bench: Workbench,
  members: readonly SourceSymbol[],
  seed: number,
): RepairFrame {
  const start = members[0]?.number ?? 0;
  const span = (members.at(-1)?.number ?? 0) - start + 1;
  if (
    members.length === 0 ||
    members.length > CODED_LIMITS.rowMembers ||
    span > CODED_LIMITS.rowSpan
  )
    throw new EdgeError('EDGE_LIMIT', `A row over ${members.length} of ${span} symbols.`, {
      remote: false,
      hint: `Choose 1 to ${CODED_LIMITS.rowMembers} members within ${CODED_LIMITS.rowSpan}.`,
    });
  const symbols = members.map(({ data }) => data);
  const length = symbols.reduce((longest, symbol) => Math.max(longest, imageLength(symbol)), 0);
  const { kernel, rowBytes } = bench.pool;
  kernel.bytes().fill(0, bench.result, bench.result + rowBytes);
  bench.addImages(bench.result, symbols, coefficientsOf(seed, members.length), length);
  return {
    kind: 'repair',
    start: truncateNumber(start, SYMBOL_NUMBER_BITS),
    span,
    seed: seed & 0xffff,
    members: members.length === span ? undefined : membersBitmap(members, start, span),
    data: kernel.bytes().slice(bench.result, bench.result + length),
  };
}

function membersBitmap(members: readonly SourceSymbol[], start: number, span: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(span / 8));
  for (const { number } of members) {
    const bit = number - start;
    bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return bitmap;
}
