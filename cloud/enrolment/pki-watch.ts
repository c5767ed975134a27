import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Identity } from '#tunnel/transport.js';
import type { Authority } from './authority.js';
import type { HubCertificate } from './hub-certificate.js';
import { lifeOf } from './keys.js';
import { CERTIFICATE_LIVES, ENROLMENT_LIMITS as LIMITS } from './limits.js';

type Keyed = Pick<Identity, 'key' | 'certificate'>;

export interface PkiWatchOptions {
  readonly authority: Pick<Authority, 'reload' | 'pin' | 'issuer'>;
  readonly certificate: Pick<HubCertificate, 'current'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Looks every few seconds for an authority that somebody changed, a supplied certificate that was
 * renewed, and an own one that is due, and hands over what the doors should show from then on.
 */
export class PkiWatch {
  readonly #options: PkiWatchOptions;
  readonly #changed: (identity: Keyed) => void;
  #shown: Keyed;
  #timer: Timer | undefined;
  #complaint = '';
  #warnedAtMs = -Infinity;
  #isStopped = false;
  /** Another authority was read, and the doors do not know yet. */
  #isOther = false;

  constructor(options: PkiWatchOptions, shown: Keyed, changed: (identity: Keyed) => void) {
    this.#options = options;
    this.#shown = shown;
    this.#changed = changed;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.setTimer('pki', LIMITS.pkiLookMs, () => {
      void this.look().finally(() => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Never rejects: what cannot be used now leaves what is shown as it is, and is said once. */
  async look(): Promise<void> {
    const { authority, certificate, log } = this.#options;
    try {
      if (await authority.reload()) {
        this.#isOther = true;
        log.warn('authority-changed', { pin: authority.pin });
      }
      const identity = await certificate.current();
      this.#warnOfEnd();
      this.#complaint = '';
      if (this.#isStopped) return;
      if (!this.#isOther && identity.certificate === this.#shown.certificate) return;
      this.#isOther = false;
      this.#shown = identity;
      this.#changed(identity);
      log.info('hub-certificate-shown');
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      if (error.message !== this.#complaint) log.error('hub-certificate-unusable', { error });
      this.#complaint = error.message;
    }
  }

  /** Only a person can bring the key of the root, so the end of what it certified is said early. */
  #warnOfEnd(): void {
    const { authority, clock, log } = this.#options;
    if (clock.now() < this.#warnedAtMs + LIMITS.issuingWarnMs) return;
    this.#warnedAtMs = clock.now();
    const { fromMs, untilMs } = lifeOf(authority.issuer);
    if (clock.wallTime() < fromMs + (untilMs - fromMs) * CERTIFICATE_LIVES.renewAfter) return;
    log.warn('issuing-key-ends', {
      untilMs,
      hint: 'Make a new one: edgetwin-hub authority new-issuing.',
    });
  }
}
