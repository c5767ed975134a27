import type { ModbusReply, ModbusRequest } from './frame.js';

/** Most urgent first: a person waits for a write, the hub for its read-back. */
export const PRIORITIES = ['write', 'read-back', 'poll'] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface BusJob {
  /** The caller's own, to know the outcome by. */
  readonly id: number;
  readonly request: ModbusRequest;
  readonly priority: Priority;
  /** Most milliseconds that the device has to begin its answer; less when it is known as quick. */
  readonly timeoutMs: number;
  /** Monotonic time at which a poll is overdue: the end of its cycle. The earliest goes first. */
  readonly dueMs?: number;
  /** Monotonic time after which it must not be sent any more. */
  readonly notAfterMs?: number;
}

export type BusOutcome = ModbusReply | BusFailure;

export interface BusFailure {
  readonly kind: 'failed';
  readonly code:
    | 'EDGE_DEVICE_TIMEOUT'
    | 'EDGE_DEVICE_FRAME'
    | 'EDGE_DEVICE_CLOSED'
    | 'EDGE_LIMIT'
    | 'EDGE_EXPIRED';
  readonly why: string;
  /** Nothing of it was sent. */
  readonly unsent?: true;
}

export type BusEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  | { readonly kind: 'settle'; readonly id: number; readonly outcome: BusOutcome }
  /** Close the connection and make a new one. */
  | { readonly kind: 'reconnect'; readonly why: string };

export const NO_COUNTS = {
  requests: 0,
  replies: 0,
  exceptions: 0,
  timeouts: 0,
  /** Reads that were asked a second time, and those of them that were answered then. */
  retries: 0,
  recovered: 0,
  /** Requests that were not sent because their slave is away; and the probes that were. */
  unasked: 0,
  probes: 0,
  lateReplies: 0,
  crcErrors: 0,
  damagedReplies: 0,
  /** Replies that were found behind noise, and own requests that came back. */
  resynchronised: 0,
  echoes: 0,
  refusedJobs: 0,
  babbles: 0,
};
export type BusCounters = typeof NO_COUNTS;

export function settle(job: BusJob, outcome: BusOutcome): BusEffect {
  return { kind: 'settle', id: job.id, outcome };
}

export function failed(code: BusFailure['code'], why: string): BusFailure {
  return { kind: 'failed', code, why };
}

export function unsent(code: BusFailure['code'], why: string): BusFailure {
  return { ...failed(code, why), unsent: true };
}
