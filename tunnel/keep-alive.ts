export interface KeepAliveLimits {
  readonly keepAliveMs: number;
  readonly silenceMs: number;
  readonly roundTripMs: number;
}

/**
 * Who speaks when: each end makes sure that the other hears something every `keepAliveMs`, and
 * gives the connection up after `silenceMs` of silence. Both ends do it for themselves, so that a
 * message that takes minutes on a slow link is silence in neither direction. Pure: the shell tells
 * what it heard and said, and asks at `dueAtMs` what to do.
 */
export class KeepAlive {
  readonly #limits: KeepAliveLimits;
  #heardAtMs: number;
  #saidAtMs: number;
  #askedAtMs: number | undefined;
  #measuredAtMs: number;
  #rttMs: number | undefined;

  constructor(nowMs: number, limits: KeepAliveLimits) {
    this.#limits = limits;
    this.#heardAtMs = nowMs;
    this.#saidAtMs = nowMs;
    this.#measuredAtMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  said(nowMs: number): void {
    this.#saidAtMs = nowMs;
  }

  /** A keep-alive that asks for an answer was sent. */
  asked(nowMs: number): void {
    this.#saidAtMs = nowMs;
    this.#measuredAtMs = nowMs;
    this.#askedAtMs ??= nowMs;
  }

  answered(nowMs: number): void {
    if (this.#askedAtMs === undefined) return;
    const sampleMs = nowMs - this.#askedAtMs;
    // RFC 6298 section 2.3: one eighth of each new sample.
    this.#rttMs = this.#rttMs === undefined ? sampleMs : this.#rttMs + (sampleMs - this.#rttMs) / 8;
    this.#askedAtMs = undefined;
  }

  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  due(nowMs: number): 'lost' | 'ask' | undefined {
    if (nowMs >= this.#heardAtMs + this.#limits.silenceMs) return 'lost';
    return nowMs >= this.#askAtMs() ? 'ask' : undefined;
  }

  /** When to ask `due` next, if nothing is heard or said until then. */
  dueAtMs(): number {
    return Math.min(this.#heardAtMs + this.#limits.silenceMs, this.#askAtMs());
  }

  #askAtMs(): number {
    return Math.min(
      this.#saidAtMs + this.#limits.keepAliveMs,
      this.#measuredAtMs + this.#limits.roundTripMs,
    );
  }
}
