import { MAPPER_LIMITS } from '../limits.js';
import { type ModbusReply, type ModbusRequest } from './frame.js';
import type { Framing, Received } from './framing.js';

/** Most urgent first: a person waits for a write, the hub for its read-back. */
const PRIORITIES = ['write', 'read-back', 'poll'] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface BusJob {
  /** The caller's own, to know the outcome by. */
  readonly id: number;
  readonly request: ModbusRequest;
  readonly priority: Priority;
  /** Milliseconds that the device has to begin its answer. */
  readonly timeoutMs: number;
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

export interface BusCounters {
  requests: number;
  replies: number;
  exceptions: number;
  timeouts: number;
  lateReplies: number;
  crcErrors: number;
  damagedReplies: number;
  refusedJobs: number;
  babbles: number;
}

interface Flight {
  readonly job: BusJob;
  readonly deadlineMs: number;
}

/**
 * The scheduler of one physical bus: one request in flight, 3.5 characters of silence before it,
 * a deadline for its reply, and a quarantine of the unit after a time-out, so that a late reply
 * is never taken for the answer to another request. Every event returns what is to be done;
 * `wakeAtMs` says when to call `tick`. Nothing here sends, waits or reads a clock.
 */
export class Bus {
  readonly counters: BusCounters = {
    requests: 0,
    replies: 0,
    exceptions: 0,
    timeouts: 0,
    lateReplies: 0,
    crcErrors: 0,
    damagedReplies: 0,
    refusedJobs: 0,
    babbles: 0,
  };
  readonly #framing: Framing;
  readonly #queues: Record<Priority, BusJob[]> = { write: [], 'read-back': [], poll: [] };
  readonly #quarantinedUntil = new Map<number, number>();
  #link: 'closed' | 'opening' | 'open' = 'closed';
  #flight: Flight | undefined;
  /** When the line has been silent for long enough. */
  #quietAtMs = 0;
  /** Since when a request has been kept from a line that does not become silent. */
  #keptSinceMs: number | undefined;
  #urgentInARow = 0;
  #timeoutsInARow = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  get link(): 'closed' | 'opening' | 'open' {
    return this.#link;
  }

  /** Monotonic time of the next `tick`, or undefined when only an event can change anything. */
  wakeAtMs(nowMs: number): number | undefined {
    if (this.#flight !== undefined) return this.#flight.deadlineMs;
    if (this.#link !== 'open') return undefined;
    const jobs = this.#waiting();
    if (jobs.length === 0) return undefined;
    const free = Math.min(
      ...jobs.map((job) => this.#quarantinedUntil.get(job.request.unit) ?? nowMs),
    );
    return Math.max(free, this.#quietAtMs);
  }

  submit(nowMs: number, job: BusJob): readonly BusEffect[] {
    if (this.#link === 'closed')
      return [settle(job, unsent('EDGE_DEVICE_CLOSED', 'the connection is closed'))];
    if (this.#waiting().length >= MAPPER_LIMITS.jobsPerBus) {
      this.counters.refusedJobs += 1;
      return [settle(job, unsent('EDGE_LIMIT', 'too many requests wait at this bus'))];
    }
    this.#queues[job.priority].push(job);
    return this.tick(nowMs);
  }

  /** The link is being made: requests wait for it, rather than fail at once. */
  opening(): void {
    this.#link = 'opening';
  }

  opened(nowMs: number): readonly BusEffect[] {
    this.#link = 'open';
    this.#framing.reset();
    this.#timeoutsInARow = 0;
    this.#quietAtMs = nowMs + this.#framing.silenceMs;
    return this.tick(nowMs);
  }

  closed(why: string): readonly BusEffect[] {
    this.#link = 'closed';
    this.#framing.reset();
    this.#keptSinceMs = undefined;
    const flight = this.#flight === undefined ? [] : [this.#flight.job];
    const waiting = this.#waiting();
    this.#flight = undefined;
    for (const priority of PRIORITIES) this.#queues[priority] = [];
    return [
      ...flight.map((job) => settle(job, failed('EDGE_DEVICE_CLOSED', why))),
      ...waiting.map((job) => settle(job, unsent('EDGE_DEVICE_CLOSED', why))),
    ];
  }

  received(nowMs: number, bytes: Uint8Array): readonly BusEffect[] {
    if (this.#link !== 'open') return [];
    this.#quietAtMs = Math.max(this.#quietAtMs, nowMs + this.#framing.silenceMs);
    const received = this.#framing.receive(bytes);
    this.counters.lateReplies += received.late;
    return [...this.#answered(received), ...this.tick(nowMs)];
  }

  /** Ends what is overdue and sends what may be sent. Harmless at any time. */
  tick(nowMs: number): readonly BusEffect[] {
    if (this.#link !== 'open') return [];
    const effects: BusEffect[] = [];
    if (this.#flight !== undefined && nowMs >= this.#flight.deadlineMs)
      effects.push(...this.#timedOut(nowMs, this.#flight));
    if (this.#flight === undefined) effects.push(...this.#sendNext(nowMs));
    return effects;
  }

  #answered({ reply, damaged, lost }: Received): BusEffect[] {
    const effects: BusEffect[] = [];
    const job = this.#flight?.job;
    if (job !== undefined && (reply !== undefined || damaged === true)) {
      this.#flight = undefined;
      this.#timeoutsInARow = 0;
      if (reply === undefined) this.counters.damagedReplies += 1;
      else this.counters.replies += 1;
      if (reply?.kind === 'exception') this.counters.exceptions += 1;
      const outcome = reply ?? failed('EDGE_DEVICE_FRAME', 'the reply does not fit the request');
      effects.push(settle(job, outcome));
    }
    if (lost === true) {
      this.counters.damagedReplies += 1;
      effects.push({ kind: 'reconnect', why: 'the device sent what is no Modbus frame' });
    }
    return effects;
  }

  #timedOut(nowMs: number, { job }: Flight): BusEffect[] {
    this.#flight = undefined;
    this.counters.timeouts += 1;
    this.#timeoutsInARow += 1;
    // Writes to a silent unit are tried again and again: polls must not wait for all of them.
    if (job.priority !== 'poll') this.#urgentInARow = MAPPER_LIMITS.urgentInARow;
    const { crcError, anyBytes } = this.#framing.giveUp();
    if (crcError) this.counters.crcErrors += 1;
    else if (anyBytes) this.counters.damagedReplies += 1;
    const outcome = anyBytes
      ? failed('EDGE_DEVICE_FRAME', crcError ? 'checksum error' : 'no whole reply in what came')
      : failed('EDGE_DEVICE_TIMEOUT', `no answer within ${job.timeoutMs} ms`);
    if (this.#framing.quarantine) {
      const quarantineMs = Math.max(job.timeoutMs, MAPPER_LIMITS.quarantineMinMs);
      this.#quarantinedUntil.set(job.request.unit, nowMs + quarantineMs);
      return [settle(job, outcome)];
    }
    if (!anyBytes && this.#timeoutsInARow < MAPPER_LIMITS.tcpTimeoutsInARow)
      return [settle(job, outcome)];
    // Half a frame would take the beginning of the next reply for its end.
    const why = anyBytes ? 'a reply broke off' : 'the connection is silent';
    return [settle(job, outcome), { kind: 'reconnect', why }];
  }

  #sendNext(nowMs: number): BusEffect[] {
    const job = this.#candidate(nowMs);
    if (job === undefined) {
      this.#keptSinceMs = undefined;
      return [];
    }
    if (nowMs < this.#quietAtMs) return this.#keep(nowMs);
    this.#keptSinceMs = undefined;
    this.#queues[job.priority] = this.#queues[job.priority].filter((other) => other !== job);
    if (nowMs > (job.notAfterMs ?? Infinity)) {
      const late = settle(job, unsent('EDGE_EXPIRED', 'its time was over before it could be sent'));
      return [late, ...this.#sendNext(nowMs)];
    }
    this.#urgentInARow = job.priority === 'poll' ? 0 : this.#urgentInARow + 1;
    this.#quarantinedUntil.delete(job.request.unit);
    const wire = this.#framing.wireMs(job.request);
    this.#quietAtMs = nowMs + wire.request + this.#framing.silenceMs;
    this.#flight = { job, deadlineMs: nowMs + wire.request + job.timeoutMs + wire.reply };
    this.counters.requests += 1;
    return [{ kind: 'send', bytes: this.#framing.begin(job.request) }];
  }

  /** A line that never falls silent (a babbling device, a wrong baud rate) must not hang anyone. */
  #keep(nowMs: number): BusEffect[] {
    this.#keptSinceMs ??= nowMs;
    if (nowMs - this.#keptSinceMs < MAPPER_LIMITS.babbleMs) return [];
    this.#keptSinceMs = undefined;
    this.counters.babbles += 1;
    const jobs = this.#waiting();
    for (const priority of PRIORITIES) this.#queues[priority] = [];
    return jobs.map((job) => settle(job, unsent('EDGE_DEVICE_FRAME', 'the line is never silent')));
  }

  #candidate(nowMs: number): BusJob | undefined {
    const free = (job: BusJob): boolean =>
      (this.#quarantinedUntil.get(job.request.unit) ?? nowMs) <= nowMs;
    if (this.#urgentInARow >= MAPPER_LIMITS.urgentInARow) {
      const poll = this.#queues.poll.find(free);
      if (poll !== undefined) return poll;
    }
    return this.#waiting().find(free);
  }

  #waiting(): readonly BusJob[] {
    return PRIORITIES.flatMap((priority) => this.#queues[priority]);
  }
}

function settle(job: BusJob, outcome: BusOutcome): BusEffect {
  return { kind: 'settle', id: job.id, outcome };
}

function failed(code: BusFailure['code'], why: string): BusFailure {
  return { kind: 'failed', code, why };
}

function unsent(code: BusFailure['code'], why: string): BusFailure {
  return { ...failed(code, why), unsent: true };
}
