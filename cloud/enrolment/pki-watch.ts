import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Identity } from '#tunnel/transport.js';
import type { Authority } from './authority.js';
import type { HubCertificate } from './hub-certificate.js';
import type { IssuingKeeper } from './issuing-keeper.js';
import { ENROLMENT_LIMITS as LIMITS } from './limits.js';

type Keyed = Pick<Identity, 'key' | 'certificate'>;

export interface PkiWatchOptions {
  readonly authority: Pick<Authority, 'reload' | 'pin'>;
  readonly certificate: Pick<HubCertificate, 'current'>;
  /** Renews what issues; absent: nobody does. */
  readonly keeper?: Pick<IssuingKeeper, 'look'>;
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
    const { authority, certificate, keeper, log } = this.#options;
    try {
      await keeper?.look();
      if (await authority.reload()) {
        this.#isOther = true;
        log.warn('authority-changed', { pin: authority.pin });
      }
      const identity = await certificate.current();
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
}
