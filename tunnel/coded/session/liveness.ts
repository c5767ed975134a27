import type { SessionLimits } from './limits.js';
import { NatLifetime } from './nat-lifetime.js';

/** An early question is asked thrice, so that three packets pay for what may be sent back at once. */
const THRICE_MS = 15;
const THRICE = 3;
const EARLY_MAX = 5;

/** What `due` asks for. */
export type LivenessDue = 'ask' | 'lost' | undefined;

/**
 * Whether the other end is still there. An end that heard nothing for a while asks, and asks again
 * every half round trip until it hears something: one lost answer must not end a session, a dead
 * peer must. Pure; milliseconds.
 */
export class Liveness {
  readonly #limits: SessionLimits;
  #heardAt: number;
  #askAt: number;
  #asked = 0;
  /** Behind a NAT, whose memory decides how often something has to be said. */
  readonly #nat: NatLifetime | undefined;

  constructor(limits: SessionLimits, now: number, isNode = false) {
    this.#limits = limits;
    this.#heardAt = now;
    this.#nat = isNode ? new NatLifetime(limits) : undefined;
    this.#askAt = now + limits.keepAliveMs;
  }

  /** Milliseconds without a word heard before the other end is asked. */
  get keepAliveMs(): number {
    return this.#nat?.keepAliveMs ?? this.#limits.keepAliveMs;
  }

  /** A packet leaves. */
  sent(now: number): void {
    this.#nat?.sent(now);
  }

  /** The other end wants this address proved. */
  proofWanted(now: number): void {
    this.#nat?.asked(now);
  }

  /** This end has another address: is it heard from there? */
  moved(now: number): void {
    this.#nat?.moved();
    this.askBy(now);
  }

  /** It was asked and did not answer yet. */
  get isWaiting(): boolean {
    return this.#asked > 0;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  /** Taken for dead by anybody who asks, though the session may outlive it. */
  isSilent(now: number): boolean {
    return this.isWaiting && now - this.#heardAt >= this.#limits.silenceMs;
  }

  /** A packet of the other end was opened. */
  heard(now: number): void {
    this.#nat?.heard();
    this.#heardAt = now;
    this.#asked = 0;
    this.#askAt = now + this.keepAliveMs;
  }

  /** It was speaking without end and is calm now: has this end's address changed? */
  askBy(at: number): void {
    this.#askAt = Math.min(this.#askAt, at);
  }

  due(now: number): LivenessDue {
    if (now >= this.#heardAt + this.#limits.resumeMs) return 'lost';
    return now >= this.#askAt ? 'ask' : undefined;
  }

  /** A question left. */
  asked(roundTripMs: number, now: number): void {
    const { askMinMs, askMaxMs, askSilentMs } = this.#limits;
    const { keepAliveMs } = this;
    const soon = Math.min(Math.max(roundTripMs / 2, askMinMs), askMaxMs);
    this.#asked++;
    if (now - this.#heardAt >= keepAliveMs)
      this.#askAt = now + (this.isSilent(now) ? askSilentMs : soon);
    else if (this.#asked < THRICE) this.#askAt = now + THRICE_MS;
    else if (this.#asked < EARLY_MAX) this.#askAt = now + soon;
    else this.#askAt = this.#heardAt + keepAliveMs;
  }

  dueAt(): number {
    return Math.min(this.#askAt, this.#heardAt + this.#limits.resumeMs);
  }
}
