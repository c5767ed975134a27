import type { Outcome } from './run.js';

/** Milliseconds one way; undefined where so many never arrived. Bytes of IP packets, both ways. */
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

export function messageFigures({ serve, counts }: Outcome, sent: number): MessageFigures {
  const sorted = serve.latencies.map(([, ms]) => ms).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sent) - 1] ?? NEVER;
  const bytes = (counts.up.inBytes + counts.down.inBytes) / sent;
  return { p50: at(0.5), p99: at(0.99), max: at(1), bytes, lost: 1 - sorted.length / sent };
}

/** `rate` in bit/s. */
export function streamFigures(
  { dial, serve, counts }: Outcome,
  { rate, loss, seconds }: { rate: number; loss: number; seconds: number },
): StreamFigures {
  const start = dial?.connectedAt ?? 0;
  const limit = (rate / 8) * (1 - loss);
  const between = (from: number, to: number): number =>
    (bytesAt(serve.progress, start + to * 1_000) - bytesAt(serve.progress, start + from * 1_000)) /
    (limit * (to - from));
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
export function transferSeconds({ dial, serve }: Outcome, bytes: number): number {
  const at = serve.progress.find(([, soFar]) => soFar >= bytes)?.[0];
  return at === undefined || dial === undefined ? NEVER : (at - dial.dialledAt) / 1_000;
}

/** Payload of the limit in the second from `from` on, seconds after the link's zero of time. */
export function shareInSecond({ dial, serve }: Outcome, from: number, rate: number): number {
  const zero = dial?.dialledAt ?? 0;
  const bytes =
    bytesAt(serve.progress, zero + (from + 1) * 1_000) -
    bytesAt(serve.progress, zero + from * 1_000);
  return (bytes * 8) / rate;
}

function bytesAt(progress: Outcome['serve']['progress'], at: number): number {
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
