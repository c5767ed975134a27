import type { RegisterKind } from './frame.js';
import type { PlannedRead, Span } from './plan.js';

/** Boundaries remembered of one device: one between any two of its properties. */
const SPLITS_MAX = 1_024;

/**
 * Addresses that a device does not read together. Public tables do not tell them: a device that
 * refuses a read of several points is asked for halves of it, until each is read or refused by
 * itself, and the boundary is remembered, so that the next round has no refusal.
 */
export class Holes {
  readonly #splits = new Set<string>();

  get size(): number {
    return this.#splits.size;
  }

  readonly isSplitAt = (kind: RegisterKind, offset: number): boolean =>
    this.#splits.has(`${kind} ${offset}`);

  /** The two parts to ask for instead of a refused read; undefined when it cannot be parted. */
  part<S extends Span>(read: PlannedRead<S>): readonly PlannedRead<S>[] | undefined {
    const at = boundaryOf(read);
    if (at === undefined || this.#splits.size >= SPLITS_MAX) return undefined;
    this.#splits.add(`${read.kind} ${endOf(read.spans.slice(0, at))}`);
    return [read.spans.slice(0, at), read.spans.slice(at)].map((spans) => ({
      kind: read.kind,
      offset: spans[0]?.offset ?? 0,
      count: endOf(spans) - (spans[0]?.offset ?? 0),
      spans,
    }));
  }
}

/** The span before which to part: at a gap if there is one, nearest to the middle. */
function boundaryOf<S extends Span>({ spans }: PlannedRead<S>): number | undefined {
  let best: { at: number; cost: number } | undefined;
  for (let at = 1; at < spans.length; at += 1) {
    const gap = (spans[at]?.offset ?? 0) - endOf(spans.slice(0, at));
    if (gap < 0) continue;
    const cost = Math.abs(at - spans.length / 2) + (gap > 0 ? 0 : spans.length);
    if (best === undefined || cost < best.cost) best = { at, cost };
  }
  return best?.at;
}

function endOf(spans: readonly Span[]): number {
  return spans.reduce((end, { offset, count }) => Math.max(end, offset + count), 0);
}
