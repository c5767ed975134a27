import { isBits, READ_MAX, type RegisterKind } from './frame.js';

/** What one point needs: `count` registers or bits from `offset`. */
export interface Span {
  readonly kind: RegisterKind;
  readonly offset: number;
  readonly count: number;
}

/** One read and the spans that its reply serves. */
export interface PlannedRead<S extends Span> extends Span {
  readonly spans: readonly S[];
}

export interface PlanRules {
  /** Unwanted registers (or 16 bits each) that may be read along to save a request. */
  readonly gapRegisters: number;
  readonly maxRegisters: number;
  readonly maxBits: number;
}

/**
 * On a serial line another request costs 8 + 5 bytes and two silences of 3.5 characters, which
 * is 20 characters; a gap of g registers costs 2g. So a gap below 10 is cheaper to read along.
 */
export const RTU_RULES: PlanRules = {
  gapRegisters: 9,
  maxRegisters: READ_MAX.registers,
  maxBits: READ_MAX.bits,
};

/** On TCP bytes are nearly free and round trips are not. */
export const TCP_RULES: PlanRules = { ...RTU_RULES, gapRegisters: READ_MAX.registers };

/** For a device that refuses to read along what it does not have. */
export const ADJACENT_RULES: PlanRules = { ...RTU_RULES, gapRegisters: 0 };

/**
 * The fewest reads in which each span is read whole, by one pass over the sorted spans: a span
 * joins the read before it when the gap is small enough and the whole stays within the maximum.
 * Spans of one kind in the order of their offset; kinds in the order of first appearance.
 */
export function planReads<S extends Span>(
  spans: readonly S[],
  rules: PlanRules,
): readonly PlannedRead<S>[] {
  const kinds = [...new Set(spans.map((span) => span.kind))];
  return kinds.flatMap((kind) => {
    const sorted = spans
      .filter((span) => span.kind === kind)
      .sort((a, b) => a.offset - b.offset || a.count - b.count);
    const gap = isBits(kind) ? rules.gapRegisters * 16 : rules.gapRegisters;
    const max = isBits(kind) ? rules.maxBits : rules.maxRegisters;
    const reads: { offset: number; end: number; spans: S[] }[] = [];
    for (const span of sorted) {
      const read = reads.at(-1);
      const end = span.offset + span.count;
      if (
        read !== undefined &&
        span.offset - read.end <= gap &&
        Math.max(read.end, end) - read.offset <= max
      ) {
        read.end = Math.max(read.end, end);
        read.spans.push(span);
      } else {
        reads.push({ offset: span.offset, end, spans: [span] });
      }
    }
    return reads.map((read) => ({
      kind,
      offset: read.offset,
      count: read.end - read.offset,
      spans: read.spans,
    }));
  });
}
