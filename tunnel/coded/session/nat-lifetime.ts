import type { SessionLimits } from './limits.js';

/** How near the two bounds have to come, milliseconds and a share. */
const NEAR_MS = 500;
const NEAR_SHARE = 1 / 8;
/** Of the longest gap that was survived, once the search is over. */
const SAFE_SHARE = 0.9;
/** What comes so much later than a packet says nothing of the gap before it. */
const LATE_MS = 2_000;
/** Another NAT may stand there by then: the search begins anew. */
const FORGOTTEN_MS = 30 * 60_000;

/**
 * How often a packet must pass so that the NAT in front of this end remembers it. The other end
 * asks for a proof when packets come from another address, so a gap after which it asks was too
 * long: until then the other end could not reach this one. From there it halves the way between the
 * longest gap that was survived and the shortest that was not (a NAT of RFC 4787 keeps two minutes,
 * so that nothing is learnt of it). Never rarer than a dead peer must be found, never more often
 * than `keepAliveMinMs`. Pure; milliseconds.
 */
export class NatLifetime {
  readonly #leastMs: number;
  readonly #mostMs: number;
  #sentAt: number | undefined;
  /** The newest gap that nothing is known of yet. */
  #gap: { readonly ms: number; readonly until: number } | undefined;
  #heard = false;
  #survivedMs = 0;
  #lostMs = Infinity;
  #lostAt = 0;

  constructor({
    keepAliveMinMs,
    keepAliveMs,
  }: Pick<SessionLimits, 'keepAliveMinMs' | 'keepAliveMs'>) {
    this.#leastMs = Math.min(keepAliveMinMs, keepAliveMs);
    this.#mostMs = keepAliveMs;
  }

  /** So long may pass without a packet. */
  get keepAliveMs(): number {
    const survived = this.#survivedMs;
    if (this.#lostMs === Infinity) return this.#mostMs;
    const isFound = this.#lostMs - survived <= Math.max(NEAR_MS, survived * NEAR_SHARE);
    const wanted = isFound ? SAFE_SHARE * survived : (survived + this.#lostMs) / 2;
    return Math.min(this.#mostMs, Math.max(this.#leastMs, wanted));
  }

  /** A packet leaves. */
  sent(now: number): void {
    const ms = now - (this.#sentAt ?? now);
    this.#sentAt = now;
    if (ms < this.#leastMs / 2) return;
    if (this.#gap !== undefined && this.#heard && this.#gap.ms < this.#lostMs)
      this.#survivedMs = Math.max(this.#survivedMs, this.#gap.ms);
    this.#gap = { ms, until: now };
    this.#heard = false;
    if (now - this.#lostAt > FORGOTTEN_MS) this.#lostMs = Infinity;
  }

  /** Something was heard. */
  heard(): void {
    this.#heard = true;
  }

  /** The other end asks this address for a proof, though this end did not move by itself. */
  asked(now: number): void {
    const gap = this.#gap;
    this.#gap = undefined;
    if (gap === undefined || now - gap.until > LATE_MS) return;
    this.#lostMs = Math.min(this.#lostMs, gap.ms);
    this.#lostAt = now;
    if (this.#survivedMs >= this.#lostMs) this.#survivedMs = 0; // another NAT than before
  }

  /** This end has another address: nothing is known of what stands in front of it. */
  moved(): void {
    this.#gap = undefined;
    this.#survivedMs = 0;
    this.#lostMs = Infinity;
  }
}
