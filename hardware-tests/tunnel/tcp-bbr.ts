import type { TcpAck, TcpControl } from './tcp-flow.js';

const STARTUP_GAIN = 2.885;
const DRAIN_GAIN = 0.35;
const GAINS = [1.25, 0.75, 1, 1, 1, 1, 1, 1] as const;
const RATE_ROUNDS = 10;
const PROBE_AFTER_MS = 10_000;
const PROBE_MS = 200;

/** BBR version 1 (draft-cardwell-iccrg-bbr-congestion-control-00). Loss has no say. */
export class TcpBbr implements TcpControl {
  #state: 'startup' | 'drain' | 'rate' | 'roundTrip' = 'startup';
  readonly #rates: number[] = [0];
  #leastMs = Infinity;
  #leastAt = 0;
  #roundEnds = 0;
  #fullRate = 0;
  #fullRounds = 0;
  #cycle: number;
  #cycleAt = 0;
  #probeEnds = 0;

  /** `firstCycle`: 2 .. 7, random in the kernel. */
  constructor(firstCycle: number) {
    this.#cycle = firstCycle;
  }

  get window(): number {
    if (this.#state === 'roundTrip') return 4;
    if (this.#rate === 0) return 10;
    const gain = this.#state === 'startup' ? STARTUP_GAIN : 2;
    return Math.max(4, gain * this.#bandwidthDelay);
  }

  get pace(): number | undefined {
    if (this.#rate === 0) return undefined;
    if (this.#state === 'startup') return STARTUP_GAIN * this.#rate;
    if (this.#state === 'drain') return DRAIN_GAIN * this.#rate;
    return this.#rate * (this.#state === 'rate' ? (GAINS[this.#cycle] ?? 1) : 1);
  }

  onAck({ now, segment, next, roundTripMs, smoothedMs, deliveredSince, inFlight }: TcpAck): void {
    if (segment >= this.#roundEnds) this.#endRound(next);
    const last = this.#rates.length - 1;
    this.#rates[last] = Math.max(this.#rates[last] ?? 0, deliveredSince / roundTripMs);
    if (roundTripMs <= this.#leastMs) {
      this.#leastMs = roundTripMs;
      this.#leastAt = now;
    } else if (now - this.#leastAt > PROBE_AFTER_MS && this.#state !== 'roundTrip') {
      this.#state = 'roundTrip';
      this.#probeEnds = now + PROBE_MS + smoothedMs;
      this.#leastMs = roundTripMs;
    }
    if (this.#state === 'roundTrip' && now > this.#probeEnds) {
      this.#leastAt = now;
      this.#probeRate(now, 2);
    }
    if (this.#state === 'drain' && inFlight <= this.#bandwidthDelay)
      this.#probeRate(now, this.#cycle);
    if (this.#state === 'rate' && now - this.#cycleAt > this.#leastMs)
      this.#probeRate(now, (this.#cycle + 1) % GAINS.length);
  }

  onLoss(): void {
    // Version 1 does not mind.
  }

  onTimeOut(): void {
    // The model stays.
  }

  get #rate(): number {
    return Math.max(...this.#rates);
  }

  get #bandwidthDelay(): number {
    return this.#rate * this.#leastMs;
  }

  #probeRate(now: number, cycle: number): void {
    this.#state = 'rate';
    this.#cycle = cycle;
    this.#cycleAt = now;
  }

  #endRound(next: number): void {
    this.#roundEnds = next;
    this.#rates.push(0);
    if (this.#rates.length > RATE_ROUNDS) this.#rates.shift();
    if (this.#state !== 'startup') return;
    if (this.#rate > this.#fullRate * 1.25) {
      this.#fullRate = this.#rate;
      this.#fullRounds = 0;
    } else if (++this.#fullRounds >= 3) this.#state = 'drain';
  }
}
