import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { concernOf, type AuthorityConcern } from './authority-concern.js';
import type { Authority } from './authority.js';
import { ENROLMENT_LIMITS as LIMITS } from './limits.js';

export interface IssuingKeeperOptions {
  readonly authority: Pick<Authority, 'certificate' | 'issuer'>;
  /** Makes the next issuing key by the root's; rejects where that is put away. */
  readonly renew: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Renews the issuing key by itself where the root's key is at hand. Where it is put away, and for the
 * root itself, a person has to come: that is said daily, louder when little time is left, and shown by
 * /healthz, /metrics and `authority show`.
 */
export class IssuingKeeper {
  readonly #options: IssuingKeeperOptions;
  #triedAtMs = -Infinity;
  #saidAtMs = -Infinity;

  constructor(options: IssuingKeeperOptions) {
    this.#options = options;
  }

  /** What is due now. */
  get concern(): AuthorityConcern | undefined {
    const { authority, clock } = this.#options;
    return concernOf({ root: authority.certificate, issuer: authority.issuer }, clock.wallTime());
  }

  /** Ask often. Never rejects. */
  async look(): Promise<void> {
    const { concern } = this;
    if (concern === undefined) return;
    if (concern.which === 'issuing' && (await this.#isRenewed())) return;
    this.#say(concern);
  }

  async #isRenewed(): Promise<boolean> {
    const { renew, clock, log } = this.#options;
    if (clock.now() < this.#triedAtMs + LIMITS.issuingTryMs) return false;
    this.#triedAtMs = clock.now();
    try {
      await renew();
      log.info('issuing-key-renewed');
      return true;
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      // A root that is put away is no fault: what is missing is said with the concern.
      if (error.code !== 'EDGE_CERTIFICATE') log.error('issuing-key-not-renewed', { error });
      return false;
    }
  }

  #say({ which, when, untilMs, message, hint }: AuthorityConcern): void {
    const { clock, log } = this.#options;
    if (clock.now() < this.#saidAtMs + LIMITS.issuingWarnMs) return;
    this.#saidAtMs = clock.now();
    const facts = { which, untilMs, message, hint };
    if (when === 'due') log.warn('authority-ends', facts);
    else log.error('authority-ends', facts);
  }
}
