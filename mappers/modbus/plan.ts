import { isBits, READ_MAX, type RegisterKind } from './frame.js';
import { charMs, silenceMs } from './line-time.js';

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
  /** Ranges with a maximum of their own, from first to last address. */
  readonly ranges?: readonly { from: number; to: number; maxRegisters: number }[];
  /** Whether no read may hold both the address before this one and this one. */
  readonly isSplitAt?: (kind: RegisterKind, offset: number) => boolean;
}

/** Bytes that one more request and its reply cost, beside their data. */
const REQUEST_BYTES = 13;

/**
 * The longest gap that is cheaper to read along than another request is: a gap of g registers costs
 * 2g characters; a request costs 13, two silences of 3.5 and the time the slave takes to begin.
 */
export function worthwhileGap(baudRate: number, turnaroundMs = 0): number {
  const char = charMs(baudRate);
  const requestMs = REQUEST_BYTES * char + 2 * silenceMs(baudRate) + turnaroundMs;
  return Math.min(READ_MAX.registers, Math.ceil(requestMs / (2 * char) - 1e-9) - 1);
}

/** A line without a known turnaround at up to 19200 baud. */
export const RTU_RULES: PlanRules = {
  gapRegisters: 9,
  maxRegisters: READ_MAX.registers,
  maxBits: READ_MAX.bits,
};

/** On TCP bytes are nearly free and round trips are not. */
export const TCP_RULES: PlanRules = { ...RTU_RULES, gapRegisters: READ_MAX.registers };

interface Block<S> {
  readonly offset: number;
  end: number;
  readonly max: number;
  readonly spans: S[];
}

/**
 * The fewest reads in which each span is read whole, by one pass over the sorted spans: a span
 * joins the read before it when the gap is small enough, the whole stays within the maximum, and
 * no known hole lies between. Spans of one kind in the order of their offset; kinds in the order of
 * first appearance.
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
    const blocks: Block<S>[] = [];
    for (const span of sorted) {
      const block = blocks.at(-1);
      const end = span.offset + span.count;
      if (block !== undefined && mayJoin(block, span, gap, rules)) {
        block.end = Math.max(block.end, end);
        block.spans.push(span);
      } else {
        blocks.push({ offset: span.offset, end, max: maxAt(span, rules), spans: [span] });
      }
    }
    return blocks.map((block) => ({
      kind,
      offset: block.offset,
      count: block.end - block.offset,
      spans: block.spans,
    }));
  });
}

function mayJoin<S extends Span>(block: Block<S>, span: S, gap: number, rules: PlanRules): boolean {
  const end = Math.max(block.end, span.offset + span.count);
  if (span.offset - block.end > gap || end - block.offset > block.max) return false;
  if (rangeOf(span.offset, rules) !== rangeOf(block.offset, rules)) return false;
  // Overlapping spans are one; what lies between is looked at from the end of the block on.
  if (rules.isSplitAt === undefined) return true;
  for (let at = block.end; at <= span.offset; at += 1)
    if (rules.isSplitAt(span.kind, at)) return false;
  return true;
}

function maxAt({ kind, offset }: Span, rules: PlanRules): number {
  if (isBits(kind)) return rules.maxBits;
  return Math.min(rules.maxRegisters, rangeOf(offset, rules)?.maxRegisters ?? Infinity);
}

function rangeOf(
  offset: number,
  { ranges = [] }: PlanRules,
): { readonly maxRegisters: number } | undefined {
  return ranges.find(({ from, to }) => offset >= from && offset <= to);
}
