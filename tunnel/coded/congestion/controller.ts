import type { RoundTrip } from '../recovery/round-trip.js';
import type { ArrivalTime } from './arrival-times.js';
import { CONGESTION } from './constants.js';
import type { ArrivedPacket, LostPacket } from './feedback.js';
import { PacketsInFlight, type FlyingPacket } from './packets-in-flight.js';
import { Pacer } from './pacer.js';
import { QueueGauge } from './queue-gauge.js';
import { Silence } from './silence.js';
import { WindowLaw, type CongestionMode } from './window-law.js';

/** A packet of any kind that asks for an acknowledgement. `bytes`: of the IP packet. */
export interface CountedPacket {
  readonly number: number;
  readonly bytes: number;
}

/** What an acknowledgement said: PathNews is one. */
export interface AckReport {
  /** In rising order. */
  readonly arrived: readonly CountedPacket[];
  readonly lost: readonly CountedPacket[];
  /** Without the peer's delay; undefined: no new sample. */
  readonly roundTripMs: number | undefined;
}

/** For `status`. Bytes of IP packets, milliseconds, shares of 0 to 1. */
export interface CongestionStatus {
  readonly mode: CongestionMode;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly paceBytesPerSecond: number;
  readonly baseRoundTripMs: number;
  readonly queueMs: number;
  /** Loss that is there with an empty queue too; undefined: not measured yet. */
  readonly randomLoss: number | undefined;
  /** Loss of most of the time, whatever its cause. */
  readonly persistentLoss: number;
  readonly timeOuts: number;
  /** Packets given up too early. */
  readonly givenUpEarly: number;
}

const BYTES = CONGESTION.packetBytes;
/** In flight at least when time alone says that packets have left. */
const LEFT_BY_TIME = CONGESTION.windowMin;

/**
 * Congestion control and pacing of one path. Pure: `now` in milliseconds is an argument. Ask
 * `maySend` before each packet that is more than an acknowledgement, tell `onSent` after it, tell
 * `onPause` when no more leaves for now, call `onTimer` at `wakeAt`. Constant memory. Whatever
 * happens, a packet may leave again by `wakeAt`: it never falls silent.
 */
export class CongestionController {
  readonly #roundTrip: RoundTrip;
  readonly #flight = new PacketsInFlight();
  readonly #queue = new QueueGauge();
  readonly #law = new WindowLaw(this.#queue);
  readonly #pacer = new Pacer();
  readonly #silence: Silence;
  #next = 0;
  #delivered = 0;
  #waiting = false;
  /** A silence has ended without an acknowledgement: the next one does not. */
  #trusts = false;
  #timeOuts = 0;
  #givenUpEarly = 0;

  /** `roundTrip`: of the path, kept up to date by it (`Path.roundTrip`). */
  constructor(roundTrip: RoundTrip) {
    this.#roundTrip = roundTrip;
    this.#silence = new Silence(roundTrip);
  }

  /** A packet may leave now. */
  maySend(now: number): boolean {
    return this.#isOpen && this.#pacer.dueAt <= now;
  }

  /** Nothing is heard: packets had better ask for their acknowledgement at once. */
  get asksAck(): boolean {
    return this.#law.silent;
  }

  onSent({ number, bytes }: CountedPacket, now: number): void {
    const size = bytes / BYTES;
    if (this.#flight.count === 0) this.#silence.began(now);
    this.#flight.sent(number, size, this.#waiting, now);
    this.#next = Math.max(this.#next, number + 1);
    this.#law.onSent(this.#flight.size);
    this.#pacer.sent(size, this.#pace, now);
  }

  /** No packet leaves for now. `waiting`: there is more to send, only `maySend` says no. */
  onPause(waiting: boolean): void {
    this.#waiting = waiting;
  }

  /**
   * `times`: when packets arrived by the receiver's clock, as far as it told. Returns the path's
   * own round trip when the queue has just been emptied to measure it (for `Path.rebase`).
   */
  onAcknowledged(
    report: AckReport,
    times: readonly ArrivalTime[],
    now: number,
  ): number | undefined {
    const { smoothedMs } = this.#roundTrip;
    const alone = times.length === 0;
    const { roundTripMs } = report;
    const queueOfSample =
      roundTripMs === undefined
        ? undefined
        : this.#queue.roundTrip(roundTripMs, smoothedMs, now, alone);
    if (report.arrived.length > 0) this.#silence.heard(now);
    const arrived: ArrivedPacket[] = [];
    for (const { number } of report.arrived) {
      const found = this.#flight.arrived(number);
      if (found === undefined) continue;
      const { packet, late } = found;
      this.#delivered += packet.size;
      if (late) {
        this.#givenUpEarly++;
        this.#silence.wasWrong();
        this.#law.onHeard(now);
      } else arrived.push(this.#timed(packet, timeOf(number, times), queueOfSample, now));
    }
    if (arrived.length > 0) this.#trusts = false;
    const lost: LostPacket[] = [];
    for (const { number } of report.lost) {
      const packet = this.#flight.leave(number);
      if (packet === undefined) continue;
      lost.push({ number, size: packet.size, queueMs: this.#flight.queueNear(number) });
    }
    if (arrived.length === 0 && lost.length === 0) return undefined;
    const drained = this.#law.onFeedback({
      now,
      arrived,
      lost,
      smoothedMs,
      inFlight: this.#flight.size,
      deliveredTotal: this.#delivered,
      nextNumber: this.#next,
    });
    this.#pacer.hasten(this.#pace, now);
    return drained && this.#queue.baseMs !== Infinity ? this.#queue.baseMs : undefined;
  }

  /**
   * A packet of any kind was heard, `quietMs` after the one before. When the link was away both
   * ways all may leave again before anything is acknowledged, once: the own direction may be away
   * still. Returns the time then: what left by it, before the packet did, is lost.
   */
  onHeard(quietMs: number, now: number): number | undefined {
    const awayMs = Math.max(CONGESTION.awayMinMs, this.#silence.timeOutMs);
    if (!this.#law.silent || this.#trusts || quietMs < awayMs) return undefined;
    this.#trusts = true;
    const lostBy = now - this.#roundTrip.minimumMs / 2;
    for (let { oldest } = this.#flight; oldest !== undefined; { oldest } = this.#flight) {
      if (oldest.sentAt > lostBy) break;
      this.#flight.leave(oldest.number);
    }
    this.#silence.heard(now);
    this.#law.onHeard(now);
    this.#pacer.hasten(this.#pace, now);
    return lostBy;
  }

  /** Time has passed; harmless when called too early or too often. */
  onTimer(now: number): void {
    for (
      let { oldest } = this.#flight;
      oldest !== undefined && this.#flight.size > LEFT_BY_TIME;
      { oldest } = this.#flight
    ) {
      if (this.#silence.leavesAt(oldest) > now) break;
      this.#flight.leave(oldest.number);
    }
    if (this.#flight.count === 0 || this.#silence.timesOutAt > now) return;
    for (let { oldest } = this.#flight; oldest !== undefined; { oldest } = this.#flight)
      this.#flight.leave(oldest.number);
    this.#timeOuts++;
    this.#silence.timedOut(now);
    this.#law.onSilence(now, this.#next);
    this.#pacer.hasten(this.#pace, now);
  }

  /** When `maySend` or `onTimer` have news without a further event; Infinity: nothing in flight. */
  wakeAt(now: number): number {
    const paced = this.#isOpen && this.#pacer.dueAt > now ? this.#pacer.dueAt : Infinity;
    const { oldest } = this.#flight;
    if (oldest === undefined) return paced;
    const leaves = this.#flight.size > LEFT_BY_TIME ? this.#silence.leavesAt(oldest) : Infinity;
    // One that was missed is due at once, never in the past.
    return Math.min(paced, Math.max(now + 1, Math.min(leaves, this.#silence.timesOutAt)));
  }

  get status(): CongestionStatus {
    return {
      mode: this.#law.mode,
      windowBytes: this.#law.window * BYTES,
      inFlightBytes: this.#flight.size * BYTES,
      paceBytesPerSecond: this.#pace * BYTES * 1_000,
      baseRoundTripMs: Math.min(this.#queue.baseMs, this.#roundTrip.smoothedMs),
      queueMs: this.#queue.standingMs,
      randomLoss: this.#law.losses.random,
      persistentLoss: this.#law.losses.persistent,
      timeOuts: this.#timeOuts,
      givenUpEarly: this.#givenUpEarly,
    };
  }

  get #isOpen(): boolean {
    return this.#flight.size < this.#law.window && this.#flight.count < CONGESTION.flyingMax;
  }

  get #pace(): number {
    return this.#law.pace(this.#roundTrip.smoothedMs);
  }

  #timed(
    packet: FlyingPacket,
    receivedAt: number | undefined,
    queueOfSample: number | undefined,
    now: number,
  ): ArrivedPacket {
    const { smoothedMs } = this.#roundTrip;
    const queueMs =
      receivedAt === undefined
        ? queueOfSample
        : this.#queue.oneWay(receivedAt - packet.sentAt, smoothedMs, now);
    if (queueMs !== undefined) this.#flight.noteQueue(packet.number, queueMs);
    const { number, sentAt, size, sentTotal, limited } = packet;
    return { number, sentAt, size, sentTotal, limited, receivedAt, queueMs };
  }
}

/** `times` are few. */
function timeOf(number: number, times: readonly ArrivalTime[]): number | undefined {
  return times.findLast((time) => time.number === number)?.at;
}
