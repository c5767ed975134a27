import type { SourceSymbol } from '../codec/symbol.js';
import { CODED_LIMITS } from '../limits.js';
import type { PieceFrame } from '../wire/frame.js';

/** Symbols of which pieces are kept, the oldest go first: 180 KB at most. */
const KEPT = 64;

/** Puts symbols together that were too long for the packets of a path that has become narrower. */
export class HalfSymbols {
  readonly #halves = new Map<number, { data: Uint8Array; has: Uint8Array; missing: number }>();

  /** `number`: of the symbol, whole. Returns it with its last piece. */
  add(number: number, { offset, total, data }: PieceFrame): SourceSymbol | undefined {
    if (total > CODED_LIMITS.symbolBytes || offset + data.length > total) return undefined;
    const known = this.#halves.get(number);
    const half =
      known?.data.length === total
        ? known
        : { data: new Uint8Array(total), has: new Uint8Array(total), missing: total };
    this.#halves.delete(number);
    half.data.set(data, offset);
    for (let at = offset; at < offset + data.length; at++)
      if (half.has[at] === 0) {
        half.has[at] = 1;
        half.missing--;
      }
    if (half.missing === 0) return { number, data: half.data };
    this.#halves.set(number, half);
    const oldest = this.#halves.keys().next();
    if (this.#halves.size > KEPT && oldest.done !== true) this.#halves.delete(oldest.value);
    return undefined;
  }
}
