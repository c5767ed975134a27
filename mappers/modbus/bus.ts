import { MAPPER_LIMITS as LIMITS } from '../limits.js';
import { Depth } from './depth.js';
import { endsAtMs, type Flight, type Probe } from './flight.js';
import type { ModbusReply } from './frame.js';
import { NOTHING, type Framing, type Received, type TransactionKey } from './framing.js';
import { JobQueue, type Entry } from './job-queue.js';
import {
  failed,
  NO_COUNTS,
  settle,
  unsent,
  type BusCounters,
  type BusEffect,
  type BusFailure,
  type BusJob,
} from './job.js';
import { Slave } from './slave.js';

const TARGET_SILENT = 11;

const NO_EFFECTS: readonly BusEffect[] = [];

/**
 * The scheduler of one physical bus or connection. On a serial line: one request under way, 3.5
 * characters of silence before it, and a quarantine of the unit after a time-out, so that a late
 * reply is never taken for the answer to another request. On TCP: as many under way as the device
 * was seen to support. A read that fails is asked once more; a slave that is away is only probed.
 * Every event returns what is to be done; `wakeAtMs` says when to call `tick`. Nothing here sends,
 * waits or reads a clock.
 */
export class Bus {
  readonly counters: BusCounters = { ...NO_COUNTS };
  readonly #framing: Framing;
  readonly #queue = new JobQueue();
  readonly #slaves = new Map<number, Slave>();
  readonly #flights = new Map<TransactionKey, Flight>();
  readonly #depth: Depth;
  readonly #silenceMs: number;
  #link: 'closed' | 'opening' | 'open' = 'closed';
  /** When the line has been silent for long enough. */
  #quietAtMs = 0;
  /** Until when requests wait for a link that is being made. */
  #openByMs = 0;
  /** Since when a request has been kept from a line that does not become silent. */
  #keptSinceMs: number | undefined;
  /** Whether answers take the time of a line: a port that is quicker than its baud rate is none. */
  #keepsPace = false;
  #urgentInARow = 0;
  #timeoutsInARow = 0;
  /** Milliseconds that requests other than probes took since the last probe. */
  #busyMs = 0;
  /** When nobody will have asked for anything for a while. */
  #calmAtMs = 0;

  /** `silenceMs`: more silence before a request than the line's own, for slow devices. */
  constructor(framing: Framing, options: { depth?: number; silenceMs?: number } = {}) {
    this.#framing = framing;
    this.#depth = new Depth(framing.quarantine ? 1 : (options.depth ?? LIMITS.tcpDepthMax));
    this.#silenceMs = Math.max(framing.silenceMs, options.silenceMs ?? 0);
  }

  get link(): 'closed' | 'opening' | 'open' {
    return this.#link;
  }

  /** Requests that may be under way at once, as learned so far. */
  get depth(): number {
    return this.#depth.allowed;
  }

  /** Milliseconds that a unit takes to begin an answer, as measured. */
  turnaroundMs(unit: number): number | undefined {
    return this.#slaves.get(unit)?.turnaroundMs;
  }

  /** Monotonic time of the next `tick`, or undefined when only an event can change anything. */
  wakeAtMs(nowMs: number): number | undefined {
    if (this.#link === 'opening') return this.#queue.size > 0 ? this.#openByMs : undefined;
    if (this.#link !== 'open') return undefined;
    let wakeAtMs = Infinity;
    for (const flight of this.#flights.values()) wakeAtMs = Math.min(wakeAtMs, endsAtMs(flight));
    if (this.#queue.size > 0 && this.#flights.size < this.#depth.allowed)
      for (const entry of this.#queue.entries) {
        const freeAtMs = Math.max(this.#quietAtMs, this.#notBeforeMs(entry));
        if (this.#flights.size === 0 || freeAtMs > nowMs) wakeAtMs = Math.min(wakeAtMs, freeAtMs);
      }
    return wakeAtMs === Infinity ? undefined : wakeAtMs;
  }

  /** Whether a line is waited for at that moment, and nothing else. */
  endsSilenceAt(atMs: number): boolean {
    return this.#keepsPace && atMs === this.#quietAtMs;
  }

  submit(nowMs: number, job: BusJob): readonly BusEffect[] {
    if (this.#link === 'closed')
      return [settle(job, unsent('EDGE_DEVICE_CLOSED', 'the connection is closed'))];
    if (this.#queue.size >= LIMITS.jobsPerBus) {
      this.counters.refusedJobs += 1;
      return [settle(job, unsent('EDGE_LIMIT', 'too many requests wait at this bus'))];
    }
    this.#queue.push({ job, isRetry: false });
    this.#calmAtMs = nowMs + LIMITS.calmMs;
    return this.#goOn(nowMs, []);
  }

  /** The link is being made: requests wait for it for a while, rather than fail at once. */
  opening(nowMs: number): void {
    this.#link = 'opening';
    this.#openByMs = nowMs + LIMITS.openMs;
  }

  opened(nowMs: number): readonly BusEffect[] {
    this.#link = 'open';
    this.#framing.reset();
    this.#timeoutsInARow = 0;
    this.#quietAtMs = nowMs + this.#silenceMs;
    for (const slave of this.#slaves.values()) slave.reopened();
    return this.tick(nowMs);
  }

  closed(nowMs: number, why: string): readonly BusEffect[] {
    this.#link = 'closed';
    this.#framing.reset();
    this.#depth.lost(nowMs, this.#flights.size);
    this.#keptSinceMs = undefined;
    const flights = [...this.#flights.values()];
    this.#flights.clear();
    return [
      ...flights.map(({ entry }) => settle(entry.job, failed('EDGE_DEVICE_CLOSED', why))),
      ...this.#unsentAll('EDGE_DEVICE_CLOSED', why),
    ];
  }

  received(nowMs: number, bytes: Uint8Array): readonly BusEffect[] {
    if (this.#link !== 'open') return [];
    this.#quietAtMs = Math.max(this.#quietAtMs, nowMs + this.#silenceMs);
    const received = this.#framing.receive(bytes);
    // A part of a reply, as a rule: nothing can be sent before it is whole.
    if (received === NOTHING && this.#flights.size > 0) return NO_EFFECTS;
    return this.#goOn(nowMs, this.#heard(nowMs, received));
  }

  /**
   * Ends what is overdue and sends what may be sent. Harmless at any time; only here a request is
   * given up, so that a caller that was held up can hear first what came meanwhile.
   */
  tick(nowMs: number): readonly BusEffect[] {
    if (this.#link !== 'open') return this.#goOn(nowMs, []);
    const effects: BusEffect[] = [];
    for (const flight of this.#flights.values())
      if (nowMs >= endsAtMs(flight)) this.#overdue(nowMs, flight, effects);
    return this.#goOn(nowMs, effects);
  }

  #goOn(nowMs: number, effects: BusEffect[]): readonly BusEffect[] {
    if (this.#link === 'opening' && nowMs >= this.#openByMs)
      return this.#unsentAll('EDGE_DEVICE_CLOSED', 'there is no connection yet');
    if (this.#link !== 'open') return NO_EFFECTS;
    if (this.#queue.size > 0) this.#dropHopeless(nowMs, effects);
    if (!effects.some(({ kind }) => kind === 'reconnect')) this.#sendAll(nowMs, effects);
    if (this.#queue.size > 0)
      for (const { probe } of this.#flights.values())
        if (probe !== undefined) probe.blocksSinceMs ??= nowMs;
    return effects;
  }

  #heard(nowMs: number, received: Received): BusEffect[] {
    const effects: BusEffect[] = [];
    if (received.resynchronised === true) this.counters.resynchronised += 1;
    if (received.echoed === true) this.counters.echoes += 1;
    for (const unit of received.late) {
      this.counters.lateReplies += 1;
      this.#slaves.get(unit)?.repliedLate(nowMs);
    }
    for (const { key, reply } of received.answers) this.#answered(nowMs, key, reply, effects);
    if (received.isDamaged === true)
      for (const flight of this.#flights.values())
        flight.deadlineMs = Math.min(
          flight.leftAtMs + flight.timeoutMs + flight.replyMs,
          nowMs + LIMITS.damagedEndMs,
        );
    if (received.lost === true) {
      this.counters.damagedReplies += 1;
      effects.push({ kind: 'reconnect', why: 'the device sent what is no Modbus frame' });
    }
    return effects;
  }

  #answered(
    nowMs: number,
    key: TransactionKey,
    reply: ModbusReply | undefined,
    effects: BusEffect[],
  ): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    const underWay = this.#flights.size;
    const [oldest] = this.#flights.keys();
    this.#end(nowMs, flight);
    this.#timeoutsInARow = 0;
    const { entry, sentAtMs, leftAtMs, replyMs } = flight;
    this.#keepsPace = 2 * (nowMs - sentAtMs) > leftAtMs - sentAtMs + replyMs;
    const slave = this.#slave(entry.job);
    if (reply === undefined) {
      slave.stirred();
      this.counters.damagedReplies += 1;
      const misfit = failed('EDGE_DEVICE_FRAME', 'the reply does not fit the request');
      this.#failed(flight, misfit, effects);
      return;
    }
    // A gateway says so for a slave behind it that is silent.
    if (reply.kind === 'exception' && reply.code === TARGET_SILENT) slave.missed(nowMs);
    else slave.answered(nowMs - leftAtMs - replyMs);
    // One that was lost stays the oldest: nothing is learned from the others until it is judged.
    if (key === oldest) this.#depth.answered(nowMs, underWay, this.#queue.size > 0);
    if (entry.suspectDepth !== undefined) this.#depth.judged(nowMs, entry.suspectDepth, true);
    this.counters.replies += 1;
    if (reply.kind === 'exception') this.counters.exceptions += 1;
    if (entry.isRetry) this.counters.recovered += 1;
    effects.push(settle(entry.job, reply));
  }

  #end(nowMs: number, { key, sentAtMs, probe }: Flight): void {
    this.#flights.delete(key);
    if (probe !== undefined) return;
    this.#busyMs += nowMs - sentAtMs;
    this.#calmAtMs = nowMs + LIMITS.calmMs;
  }

  #overdue(nowMs: number, flight: Flight, effects: BusEffect[]): void {
    const { entry, key } = flight;
    const { job } = entry;
    const waitedMs = Math.round(Math.max(0, nowMs - flight.leftAtMs - flight.replyMs));
    const depth = Math.max(flight.depth, this.#flights.size);
    this.#end(nowMs, flight);
    if (this.#isBroadcast(job)) {
      this.#framing.giveUp(key);
      effects.push(settle(job, { kind: 'data', words: [] }));
      return;
    }
    const { crcError, anyBytes, exhausted } = this.#framing.giveUp(key);
    const slave = this.#slave(job);
    this.counters.timeouts += 1;
    // Writes to a silent unit are tried again and again: polls must not wait for all of them.
    if (job.priority !== 'poll') this.#urgentInARow = LIMITS.urgentInARow;
    if (crcError) this.counters.crcErrors += 1;
    else if (anyBytes) this.counters.damagedReplies += 1;
    if (anyBytes && this.#framing.quarantine) {
      slave.stirred();
      this.#timeoutsInARow = 0;
    } else {
      slave.missed(nowMs);
      this.#timeoutsInARow += 1;
    }
    if (entry.suspectDepth !== undefined) this.#depth.judged(nowMs, entry.suspectDepth, false);
    const outcome = anyBytes
      ? failed('EDGE_DEVICE_FRAME', crcError ? 'checksum error' : 'no whole reply in what came')
      : failed('EDGE_DEVICE_TIMEOUT', `no answer within ${waitedMs} ms`);
    if (this.#framing.quarantine) slave.quarantine(nowMs, job.timeoutMs);
    else if (depth > 1 && entry.suspectDepth === undefined) {
      this.#failed(flight, outcome, effects, depth);
      return;
    }
    this.#failed(flight, outcome, effects);
    // Half a frame would take the beginning of the next reply for its end.
    const isCut = anyBytes && !this.#framing.quarantine;
    const isSilent = !this.#framing.quarantine && this.#timeoutsInARow >= LIMITS.tcpTimeoutsInARow;
    if (!isCut && !isSilent && exhausted !== true) return;
    const why = isCut ? 'a reply broke off' : 'the connection is silent';
    effects.push({ kind: 'reconnect', why });
  }

  /** Tells the caller, or asks a read once more: it changes nothing at the device. */
  #failed(flight: Flight, outcome: BusFailure, effects: BusEffect[], suspectDepth?: number): void {
    const { job, isRetry } = flight.entry;
    const isRead = job.request.op === 'read' || job.request.op === 'identify';
    if (!isRead || isRetry || this.#slave(job).misses > LIMITS.readRetries) {
      effects.push(settle(job, outcome));
      return;
    }
    this.counters.retries += 1;
    if (suspectDepth !== undefined) this.#depth.suspect();
    const suspect = suspectDepth === undefined ? {} : { suspectDepth };
    this.#queue.push({ job, isRetry: true, ...suspect });
  }

  #sendAll(nowMs: number, effects: BusEffect[]): void {
    while (this.#flights.size < this.#depth.allowed) {
      const entry = this.#next(nowMs);
      if (entry === undefined) {
        this.#keptSinceMs = undefined;
        return;
      }
      if (nowMs < this.#quietAtMs) {
        this.#keep(nowMs, effects);
        return;
      }
      this.#keptSinceMs = undefined;
      const { job } = entry;
      if (nowMs > (job.notAfterMs ?? Infinity)) {
        this.#queue.drop(entry);
        const why = 'its time was over before it could be sent';
        effects.push(settle(job, unsent('EDGE_EXPIRED', why)));
        continue;
      }
      effects.push(this.#send(nowMs, entry));
    }
  }

  #send(nowMs: number, entry: Entry): BusEffect {
    const { job } = entry;
    const { request, priority } = job;
    this.#queue.take(entry);
    this.#urgentInARow = priority === 'poll' ? 0 : this.#urgentInARow + 1;
    const slave = this.#slave(job);
    const isProbe = slave.isProbedBy(priority);
    if (slave.isAway) this.counters.probes += 1;
    const isBroadcast = this.#isBroadcast(job);
    const timeoutMs = isBroadcast
      ? LIMITS.broadcastMs
      : slave.begin(nowMs, priority, entry.isRetry, job.timeoutMs);
    const wire = this.#framing.wireMs(request);
    const leftAtMs = nowMs + wire.request;
    const replyMs = isBroadcast ? 0 : wire.reply;
    const deadlineMs = leftAtMs + timeoutMs + replyMs;
    this.#quietAtMs = leftAtMs + this.#silenceMs;
    const { key, bytes } = this.#framing.begin(request);
    const depth = this.#flights.size + 1;
    const flight = { entry, key, depth, sentAtMs: nowMs, leftAtMs, replyMs, timeoutMs, deadlineMs };
    this.#flights.set(key, isProbe ? { ...flight, probe: this.#probeOf(slave) } : flight);
    this.counters.requests += 1;
    return { kind: 'send', bytes };
  }

  /**
   * A probe may wait for as long as the slave usually takes, twice, or take a share of the line's
   * time from the others, so that one that became slow is found on a busy line as well.
   */
  #probeOf(slave: Slave): Probe {
    const shareMs = this.#busyMs * LIMITS.probeShare;
    this.#busyMs = 0;
    return { shortMs: slave.probeMs, shareMs };
  }

  /** What is for a slave that is away and not to be probed now fails at once. */
  #dropHopeless(nowMs: number, effects: BusEffect[]): void {
    for (const entry of this.#queue.entries) {
      const { job } = entry;
      const slave = this.#slave(job);
      if (entry.isRetry || slave.mayBeAsked(nowMs, job.priority)) continue;
      this.#queue.drop(entry);
      this.counters.unasked += 1;
      const seconds = Math.max(0, slave.askAgainAtMs - nowMs) / 1000;
      const why = `no answer ${slave.misses} times in a row; asked again in ${seconds.toFixed(1)} s`;
      effects.push(settle(job, unsent('EDGE_DEVICE_TIMEOUT', why)));
    }
  }

  /** A line that never falls silent (a babbling device, a wrong baud rate) must not hang anyone. */
  #keep(nowMs: number, effects: BusEffect[]): void {
    this.#keptSinceMs ??= nowMs;
    if (nowMs - this.#keptSinceMs < LIMITS.babbleMs) return;
    this.#keptSinceMs = undefined;
    this.counters.babbles += 1;
    effects.push(...this.#unsentAll('EDGE_DEVICE_FRAME', 'the line is never silent'));
  }

  #unsentAll(code: BusFailure['code'], why: string): BusEffect[] {
    return this.#queue.drain().map(({ job }) => settle(job, unsent(code, why)));
  }

  #next(nowMs: number): Entry | undefined {
    const isAlone = this.#flights.size === 0;
    const pollFirst = this.#urgentInARow >= LIMITS.urgentInARow;
    const mayGo = (entry: Entry): boolean =>
      this.#notBeforeMs(entry) <= nowMs && (isAlone || entry.suspectDepth === undefined);
    return this.#queue.first(mayGo, pollFirst);
  }

  /** A probe goes when nobody has asked for anything for a while, or when its cycle is over. */
  #notBeforeMs({ job }: Entry): number {
    const slave = this.#slave(job);
    if (!slave.isProbedBy(job.priority)) return slave.quietUntilMs;
    return Math.max(slave.quietUntilMs, Math.min(this.#calmAtMs, job.dueMs ?? 0));
  }

  #isBroadcast({ request }: BusJob): boolean {
    const isAnswered = request.op !== 'write' && request.op !== 'mask';
    return this.#framing.broadcasts && request.unit === 0 && !isAnswered;
  }

  #slave({ request: { unit } }: BusJob): Slave {
    let slave = this.#slaves.get(unit);
    if (slave === undefined) this.#slaves.set(unit, (slave = new Slave()));
    return slave;
  }
}
