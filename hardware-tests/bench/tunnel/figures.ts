import type { FlowOutcome, Outcome } from './run.js';

/** Milliseconds one way; infinite where so many never arrived. Bytes of IP packets, both ways. */
export interface MessageFigures {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly bytes: number;
  /** Share of messages that never arrived while anybody waited. */
  readonly lost: number;
}

export interface StreamFigures {
  /** Payload of rate x (1 - loss). */
  readonly share: number;
  /** The same without the first seconds. */
  readonly steady: number;
  readonly queueMsP95: number;
  /** IP bytes sent forward per byte that arrived. */
  readonly sent: number;
  /** CPU of the sender, share of a core. */
  readonly cpu: number;
}

const NEVER = Infinity;

export function messageFigures({ flows, counts }: Outcome, sent: number): MessageFigures {
  const sorted = latenciesOf(flows[0]?.serve);
  const at = (share: number): number => sorted[Math.ceil(share * sent) - 1] ?? NEVER;
  const bytes = (counts.up.inBytes + counts.down.inBytes) / sent;
  return { p50: at(0.5), p99: at(0.99), max: at(1), bytes, lost: 1 - sorted.length / sent };
}

/** Over the messages of all runs: a tail that one run has too few messages for. */
export function pooled(runs: readonly Outcome[], sent: number, share: number): number {
  const all = runs.flatMap(({ flows }) => latenciesOf(flows[0]?.serve)).sort((a, b) => a - b);
  return all[Math.ceil(share * sent * runs.length) - 1] ?? NEVER;
}

/** The p99 of the first so many messages: a session's beginning, when nothing is known of its path. */
export function earlyP99({ flows }: Outcome, first: number): number {
  const early = (flows[0]?.serve.latencies ?? []).filter(([message]) => message < first);
  const sorted = early.map(([, ms]) => ms).sort((a, b) => a - b);
  return sorted[Math.ceil(0.99 * first) - 1] ?? NEVER;
}

export function latenciesOf(end: FlowOutcome['serve'] | undefined): number[] {
  return (end?.latencies ?? []).map(([, ms]) => ms).sort((a, b) => a - b);
}

/** `rate` in bit/s. */
export function streamFigures(
  { flows, counts }: Outcome,
  { rate, loss, seconds }: { rate: number; loss: number; seconds: number },
): StreamFigures {
  const { dial, serve } = flowOf(flows);
  const start = dial?.connectedAt ?? 0;
  const limit = (rate / 8) * (1 - loss);
  const between = (from: number, to: number): number =>
    bytesBetween(serve.progress, start + from * 1_000, start + to * 1_000) / (limit * (to - from));
  const received = serve.progress.at(-1)?.[1] ?? 0;
  return {
    share: between(0, seconds),
    steady: between(seconds / 3, seconds),
    queueMsP95: counts.up.queueMsP95,
    sent: counts.up.inBytes / received,
    cpu: (dial?.cpuMs ?? NEVER) / 1_000 / seconds,
  };
}

/** Seconds from the dial until so many bytes were there. */
export function transferSeconds({ flows }: Outcome, bytes: number): number {
  const { dial, serve } = flowOf(flows);
  const at = serve.progress.find(([, soFar]) => soFar >= bytes)?.[0];
  return at === undefined || dial === undefined ? NEVER : (at - dial.dialledAt) / 1_000;
}

/** Payload of the limit in the second from `from` on, seconds after the link's zero of time. */
export function shareInSecond({ flows, zeroAt }: Outcome, from: number, rate: number): number {
  const { progress } = flowOf(flows).serve;
  const bytes = bytesBetween(progress, zeroAt + from * 1_000, zeroAt + (from + 1) * 1_000);
  return (bytes * 8) / rate;
}

function flowOf(flows: readonly FlowOutcome[]): FlowOutcome {
  const [flow] = flows;
  if (flow === undefined) throw new Error('a cell without a flow');
  return flow;
}

type Progress = FlowOutcome['serve']['progress'];

export function bytesBetween(progress: Progress, from: number, to: number): number {
  return bytesAt(progress, to) - bytesAt(progress, from);
}

function bytesAt(progress: Progress, at: number): number {
  return progress.findLast(([time]) => time <= at)?.[1] ?? 0;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NEVER;
}

/** Of a figure over seeds. */
export function medianOf<T>(runs: readonly T[], figure: (run: T) => number): number {
  return quantile(runs.map(figure), 0.5);
}

export function ms(value: number): number | string {
  return Number.isFinite(value) ? Math.round(value) : 'never';
}

/** 0.123 as 12.3. */
export function percent(share: number): number {
  return Math.round(1_000 * share) / 10;
}
