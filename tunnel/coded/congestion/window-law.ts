import { CompeteMode } from './compete-mode.js';
import { CONGESTION } from './constants.js';
import { DelayMode } from './delay-mode.js';
import type { Feedback } from './feedback.js';
import { LossGauge } from './loss-gauge.js';
import type { QueueGauge } from './queue-gauge.js';
import { QueueTarget } from './queue-target.js';
import { RivalWatch } from './rival-watch.js';
import { RoundGauge, type Round } from './round-gauge.js';
import { StartUp } from './start-up.js';

export type CongestionMode = 'start' | 'delay' | 'drain' | 'compete-window' | 'compete-rate';

/** Lost at a full queue beyond what the link loses: a competitor answers one packet, as TCP does. */
const CONGESTION_PACKETS = 1;
/** One may be the link's own; the next tells how long the buffer is. */
const OVERFLOW_PACKETS = 1.5;
const CONGESTION_QUEUE_MS = 3;
/** Share of the window at the rise of the queue, and of a former competition, to begin with. */
const RISE_SHARE = 0.85;
const FORMER_SHARE = 0.7;

/** The queue runs empty for so many rounds more; then the window is what it was. */
interface Drain {
  rounds: number;
  readonly window: number;
  readonly since: number;
}

/**
 * How many packets may be in flight. It starts by doubling, then keeps the queue at a target and
 * ignores loss; while a flow that fills the queue is proven it competes. Every few seconds it lets
 * the queue run empty to learn the base delay and the random loss, or that the rival has gone.
 */
export class WindowLaw {
  readonly losses = new LossGauge();
  readonly #queue: QueueGauge;
  readonly #rounds = new RoundGauge();
  readonly #startUp = new StartUp();
  readonly #delay = new DelayMode();
  readonly #compete = new CompeteMode();
  readonly #rival = new RivalWatch();
  readonly #target = new QueueTarget();
  #mode: 'start' | 'delay' | 'compete' = 'start';
  #window: number = CONGESTION.windowInitial;
  #drain: Drain | undefined;
  #drainAt = 0;
  #emptyTests = 0;
  #left = { at: -Infinity, window: 0 };
  /** What was in force before the silence that lasts since then. */
  #silence: { readonly window: number; readonly since: number } | undefined;
  #mostInFlight = 0;
  #drained = false;

  constructor(queue: QueueGauge) {
    this.#queue = queue;
  }

  get mode(): CongestionMode {
    if (this.#drain !== undefined) return 'drain';
    return this.#mode === 'compete' ? `compete-${this.#compete.style}` : this.#mode;
  }

  /** Packets. */
  get window(): number {
    return this.#window;
  }

  /** Packets per millisecond. */
  pace(smoothedMs: number): number {
    const competing = this.#mode === 'compete' && this.#drain === undefined;
    const base = this.#baseMs(smoothedMs);
    const own = competing ? this.#compete.pace(this.#queue.largestMs, base) : undefined;
    const gain = this.silent ? CONGESTION.silencePace : this.#gain;
    const even = (gain * this.#window) / Math.max(smoothedMs, 1);
    const starting = this.#mode === 'start' && !this.silent;
    const pace = own ?? (starting ? this.#startUp.pace(even, this.#rounds.index) : even);
    return pace >= CONGESTION.paceMin ? pace : CONGESTION.paceMin;
  }

  onSent(inFlight: number): void {
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
  }

  /** True: a drain has just ended, so the base delay was measured anew. */
  onFeedback(feedback: Feedback): boolean {
    const { now, arrived, lost, inFlight, smoothedMs } = feedback;
    if (arrived.length > 0) this.onHeard(now);
    this.#drained = false;
    this.#queue.note();
    this.losses.take(feedback, this.#queue.largestMs);
    if (this.#mode === 'start') this.#startUp.take(feedback);
    const round = this.#rounds.take(feedback, this.losses.persistent);
    if (round !== undefined) this.#endRound(round, feedback);
    const delivered = sizeOf(arrived);
    const settled = delivered + sizeOf(lost);
    const used = this.#mostInFlight >= this.#window * CONGESTION.usedShare;
    const base = this.#baseMs(smoothedMs);
    const queueMs = this.#queue.standingMs;
    if (this.#mode === 'start') {
      if (used || inFlight > this.#window / 2) this.#window += settled;
      this.#window = Math.max(this.#window, this.#startUp.jump(base, this.#rounds.index) ?? 0);
      if (this.#startUp.queueStands(queueMs, base, this.#rounds.index)) this.#endStart(feedback);
    } else if (this.#drain === undefined) {
      if (this.#mode === 'compete')
        this.#window = this.#compete.onSettled(this.#window, delivered, used, now);
      else {
        const own = this.#window / (base + queueMs);
        const rate = Math.min(own, 1.15 * this.#rounds.rate) * 1_000;
        const targetMs = this.#target.targetMs(rate);
        this.#window = this.#delay.onSettled(this.#window, settled, queueMs, targetMs, base, used);
      }
    }
    this.#bound();
    return this.#drained;
  }

  /** Nothing was heard for long; all in flight is given up. Called again as long as it lasts. */
  onSilence(now: number, nextNumber: number): void {
    this.#silence ??= { window: Math.max(this.#window, this.#drain?.window ?? 0), since: now };
    this.#drain = undefined;
    if (this.#mode === 'start') {
      this.losses.judgeFrom(nextNumber);
      this.#mode = 'delay';
      this.#drainAt = now + CONGESTION.drainEveryMs / 2;
    }
    const { windowMin, silenceShare } = CONGESTION;
    this.#window = Math.max(windowMin, silenceShare * this.#silence.window);
  }

  /** Nothing was heard for long, and nothing since. */
  get silent(): boolean {
    return this.#silence !== undefined;
  }

  /** Something arrived: a silence is over. */
  onHeard(now: number): void {
    if (this.#silence === undefined) return;
    const { window, since } = this.#silence;
    this.#silence = undefined;
    const resumed = now - since > CONGESTION.longSilenceMs ? window / 2 : window;
    this.#window = Math.max(CONGESTION.windowInitial, resumed);
    // A blackout has emptied the queue, and what it cost had better not be lost twice.
    if (now - since > CONGESTION.timeOutMaxMs)
      this.#drainAt = Math.max(this.#drainAt, this.#firstDrainAt(now, 0));
    this.#compete.resume(this.#window, now);
    this.#queue.forgetStanding();
    this.#rounds.interrupt();
    this.#mostInFlight = this.#window;
    this.#delay.arm();
  }

  #endStart(feedback: Feedback): void {
    const { now, smoothedMs, nextNumber } = feedback;
    const rate = Math.max(this.#rounds.rate, this.#rounds.rateNow(feedback));
    this.#window = this.#startUp.windowAfter(this.#window, rate, this.#baseMs(smoothedMs));
    this.losses.judgeFrom(nextNumber);
    this.#mode = 'delay';
    this.#drainAt = this.#firstDrainAt(now, smoothedMs);
  }

  #endRound(round: Round, feedback: Feedback): void {
    const { now, smoothedMs, inFlight, nextNumber } = feedback;
    const queue = this.#queue;
    const base = this.#baseMs(smoothedMs);
    queue.endRound(now);
    const excess = this.losses.endRound(round.packets);
    const isFull = queue.roundMostMs > CONGESTION_QUEUE_MS;
    const congestion = excess >= CONGESTION_PACKETS && isFull;
    if (excess >= OVERFLOW_PACKETS && isFull) this.#target.overflowed(queue.roundMostMs, now);
    else this.#target.held(queue.standingMs, now);
    const rate = (this.#window / (base + queue.standingMs)) * 1_000;
    const targetMs = this.#target.targetMs(rate);
    if (this.#mode === 'start') {
      if (this.#startUp.stands(round, base)) this.#endStart(feedback);
    } else if (this.#drain !== undefined) this.#drainRound(this.#drain, targetMs, base, feedback);
    else if (this.#mode === 'delay') this.#delayRound(round, rate, targetMs, feedback);
    else {
      const { window, cut } = this.#compete.onRound(this.#window, {
        now,
        congestion,
        persistentLoss: this.losses.persistent,
        randomLoss: this.losses.random ?? 0,
        queueLargestMs: queue.largestMs,
        queueMs: queue.standingMs,
        baseMs: base,
        rawRate: this.#rounds.rawRate,
      });
      this.#window = window;
      if (cut) this.losses.answered(nextNumber);
    }
    const steady = this.#mode !== 'start' && this.#drain === undefined;
    if (steady && now > this.#drainAt && !round.appLimited) this.#beginDrain(now, base);
    queue.newRound();
    this.#mostInFlight = inFlight;
  }

  #delayRound(round: Round, rate: number, targetMs: number, feedback: Feedback): void {
    const { now, nextNumber } = feedback;
    const { standingMs, roundLeastMs, largestMs } = this.#queue;
    this.#window = this.#delay.onRound(this.#window, round, standingMs, targetMs, this.losses.mean);
    const isCut = this.#target.isCut(rate);
    const { at } = this.#left;
    if (this.#rival.standsAbove(roundLeastMs, targetMs, isCut, this.#window, now, at))
      this.#enterCompete(now, nextNumber);
    if (!this.#rival.overflows(this.losses)) return;
    this.#target.fullAt(largestMs, now);
    this.#enterCompete(now, nextNumber);
    this.#compete.enterAtRate(this.#rounds.rawRate);
  }

  #beginDrain(now: number, base: number): void {
    this.#drain = { rounds: CONGESTION.drainRounds, window: this.#window, since: now };
    this.#window =
      this.#mode === 'compete'
        ? CONGESTION.testShare * Math.min(this.#window, this.#rounds.rate * base)
        : CONGESTION.drainShare * this.#window;
  }

  #drainRound(drain: Drain, targetMs: number, base: number, { now, smoothedMs }: Feedback): void {
    // What left in the first round meets the emptied queue and is told of in the second one.
    if (this.#mode === 'delay') this.#window = drain.window;
    if (--drain.rounds > 0) return;
    this.#drain = undefined;
    this.#drained = true;
    this.#window = drain.window;
    if (this.#mode === 'delay') {
      const { drainEveryMs, drainEveryRoundTrips } = CONGESTION;
      this.#drainAt = now + Math.max(drainEveryMs, drainEveryRoundTrips * base);
      return;
    }
    this.#compete.postpone(now - drain.since);
    const { rateTestSpell } = CONGESTION;
    const spell = this.#compete.style === 'rate' ? rateTestSpell : 1;
    this.#drainAt = now + spell * testEveryMs(smoothedMs);
    const isEmpty = this.#queue.roundLeastMs < Math.max(2, 0.4 * Math.min(targetMs, 10));
    this.#emptyTests = isEmpty ? this.#emptyTests + 1 : 0;
    if (this.#emptyTests >= CONGESTION.testsToLeave) this.#leaveCompete(now, base);
  }

  #enterCompete(now: number, nextNumber: number): void {
    const again = now - this.#left.at < CONGESTION.rivalAgainMs;
    this.#mode = 'compete';
    this.#window = Math.max(
      this.#window,
      this.#rival.windowAtRise * RISE_SHARE,
      again ? this.#left.window * FORMER_SHARE : 0,
    );
    this.#compete.enter(this.#window, this.#rounds.rate, again, now);
    this.#rival.reset();
    this.#emptyTests = 0;
    this.#drainAt = now + testEveryMs(this.#queue.baseMs);
    this.losses.answered(nextNumber);
  }

  #leaveCompete(now: number, base: number): void {
    if (this.#compete.style === 'rate') {
      const random = Math.min(this.losses.random ?? 0, 0.6);
      const needed = (this.#rounds.rawRate / (1 - random)) * base + 4;
      this.#window = Math.min(this.#window, needed);
    }
    this.#left = { at: now, window: this.#window };
    this.#mode = 'delay';
    this.#delay.still();
    this.#rival.reset();
  }

  /** Windows that are paced out in a round trip. */
  get #gain(): number {
    if (this.#mode === 'start') return 2;
    return this.#drain === undefined ? 1.1 : 1;
  }

  /** Half a spell after a start or a silence. */
  #firstDrainAt(now: number, smoothedMs: number): number {
    const { drainEveryMs, drainEveryRoundTrips } = CONGESTION;
    return now + Math.max(drainEveryMs, drainEveryRoundTrips * this.#baseMs(smoothedMs)) / 2;
  }

  /** The path's own round trip, as long as none was measured the smoothed one. */
  #baseMs(smoothedMs: number): number {
    const { baseMs } = this.#queue;
    return baseMs === Infinity ? Math.max(smoothedMs, 1) : Math.max(baseMs, 1);
  }

  /** Also where a rate had no sample yet and the window is no number: never silent for ever. */
  #bound(): void {
    if (!(this.#window >= CONGESTION.windowMin)) this.#window = CONGESTION.windowMin;
    if (this.#window > CONGESTION.windowMax) this.#window = CONGESTION.windowMax;
  }
}

function sizeOf(packets: readonly { readonly size: number }[]): number {
  let total = 0;
  for (const { size } of packets) total += size;
  return total;
}

function testEveryMs(roundTripMs: number): number {
  const { testEveryMs: every, testEveryRoundTrips: trips } = CONGESTION;
  return Math.max(every, trips * roundTripMs);
}
