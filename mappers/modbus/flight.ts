import type { TransactionKey } from './framing.js';
import type { Entry } from './job-queue.js';

/** A request that was sent and is not answered yet. Times are monotonic milliseconds. */
export interface Flight {
  readonly entry: Entry;
  readonly key: TransactionKey;
  readonly sentAtMs: number;
  /** When the whole request had left the line, and how long a whole reply takes on it. */
  readonly leftAtMs: number;
  readonly replyMs: number;
  readonly timeoutMs: number;
  /** How many were under way with it when it was sent. */
  readonly depth: number;
  deadlineMs: number;
  readonly probe?: Probe;
}

/** A request to a slave that is away has all its time on an idle line, and gives way on a busy one. */
export interface Probe {
  /** The least that it gets. */
  readonly shortMs: number;
  /** What it may take from others. */
  readonly shareMs: number;
  /** Since when others wait for it to end. */
  blocksSinceMs?: number;
}

/** When it is given up, as things stand. */
export function endsAtMs({ deadlineMs, leftAtMs, replyMs, probe }: Flight): number {
  if (probe?.blocksSinceMs === undefined) return deadlineMs;
  const shortEndMs = leftAtMs + replyMs + probe.shortMs;
  return Math.min(deadlineMs, Math.max(shortEndMs, probe.blocksSinceMs + probe.shareMs));
}
