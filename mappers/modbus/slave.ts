import { MAPPER_LIMITS as LIMITS } from '../limits.js';
import { Quarantine } from '../quarantine.js';
import type { Priority } from './job.js';

/**
 * What a bus knows of one slave: how long it takes to begin an answer, whether it is away and when
 * it is asked again, and until when a reply to something older may still come from it.
 */
export class Slave {
  /** RFC 6298 section 2, of the turnaround: smoothed value and deviation, milliseconds. */
  #smoothedMs: number | undefined;
  #deviationMs = 0;
  #misses = 0;
  #backoffMs = 0;
  #probes = 0;
  #askAgainAtMs = 0;
  readonly #quarantine = new Quarantine();
  #askedAtMs = 0;
  #fullMs = 0;
  #isProbed = false;

  /** Milliseconds until its answers begin, as measured; undefined before the first answer. */
  get turnaroundMs(): number | undefined {
    return this.#smoothedMs;
  }

  /** It missed several requests in a row: it is asked now and then, until it answers. */
  get isAway(): boolean {
    return this.#misses >= LIMITS.missesUntilAway;
  }

  get misses(): number {
    return this.#misses;
  }

  /** Monotonic time before which a late reply could be taken for the answer to a new request. */
  get quietUntilMs(): number {
    return this.#quarantine.untilMs;
  }

  /**
   * Whether to send a request now or to fail it at once. A write always goes: a person asked, and
   * whoever wants it again waits between the attempts.
   */
  mayBeAsked(nowMs: number, priority: Priority): boolean {
    if (!this.isAway || priority === 'write') return true;
    return !this.#isProbed && nowMs >= this.#askAgainAtMs;
  }

  /** Monotonic time of the next probe of a slave that is away. */
  get askAgainAtMs(): number {
    return this.#askAgainAtMs;
  }

  /** Whether a request of this priority is a probe: a write is a person's will. */
  isProbedBy(priority: Priority): boolean {
    return this.isAway && priority !== 'write';
  }

  /** Milliseconds that a probe waits while others would like to be asked; now and then all it has. */
  get probeMs(): number {
    if (this.#probes % LIMITS.fullProbeEvery === 0) return Infinity;
    return 2 * (this.#usualMs ?? LIMITS.adaptiveMinMs);
  }

  /** Milliseconds that it gets to begin the answer, at most `fullMs`. Called for each request sent. */
  begin(nowMs: number, priority: Priority, isRetry: boolean, fullMs: number): number {
    this.#askedAtMs = nowMs;
    if (this.isAway) {
      this.#isProbed = true;
      this.#probes += 1;
      return fullMs;
    }
    if (priority === 'write' || isRetry) return fullMs;
    return Math.min(fullMs, this.#usualMs ?? fullMs);
  }

  /** Milliseconds that it takes at most, by what was seen of it. */
  get #usualMs(): number | undefined {
    if (this.#smoothedMs === undefined) return undefined;
    return Math.max(LIMITS.adaptiveMinMs, this.#smoothedMs + 4 * this.#deviationMs);
  }

  /** It answered, `turnaroundMs` after the request had left the line. */
  answered(turnaroundMs: number): void {
    this.#sample(turnaroundMs);
    this.#misses = 0;
    this.#probes = 0;
    this.#backoffMs = 0;
    this.#isProbed = false;
  }

  #sample(turnaroundMs: number): void {
    const sample = Math.max(0, turnaroundMs);
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = sample;
      this.#deviationMs = sample / 2;
    } else {
      this.#deviationMs += (Math.abs(sample - this.#smoothedMs) - this.#deviationMs) / 4;
      this.#smoothedMs += (sample - this.#smoothedMs) / 8;
    }
  }

  /** It said something that was damaged: it is there, however little that helps. */
  stirred(): void {
    this.#misses = 0;
    this.#isProbed = false;
  }

  missed(nowMs: number): void {
    this.#misses += 1;
    this.#isProbed = false;
    if (!this.isAway) return;
    this.#backoffMs = Math.min(LIMITS.awayMaxMs, Math.max(LIMITS.awayFirstMs, this.#backoffMs * 2));
    this.#askAgainAtMs = nowMs + this.#backoffMs;
  }

  /** Nothing is asked of it for a while: its reply to what was given up may still come. */
  quarantine(nowMs: number, fullMs: number): void {
    this.#fullMs = fullMs;
    this.#quarantine.begin(nowMs, fullMs);
  }

  /**
   * A reply came after its request had been given up: wait twice as long from now on. One that is
   * away and would have answered in time, had nobody else been waiting, is asked again at once.
   */
  repliedLate(nowMs: number): void {
    const tookMs = nowMs - this.#askedAtMs;
    if (this.isAway && tookMs <= this.#fullMs) {
      this.stirred();
      this.#sample(tookMs);
    }
    this.#quarantine.repliedLate(nowMs);
  }

  /** A new connection: nothing old can arrive, and it is worth one question. */
  reopened(): void {
    this.#quarantine.end();
    this.#askAgainAtMs = 0;
    this.#isProbed = false;
  }
}
