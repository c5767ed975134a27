import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import type { Identity } from '#tunnel/transport.js';
import { JOIN_LIMITS } from './join-limits.js';
import { renewIdentity } from './renew.js';

export interface RenewalOptions {
  readonly dataDir: string;
  readonly hub?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Keeps the certificate of a running gateway young: looks now and then, and hands over the next. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #adopt: (identity: Identity) => void;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: RenewalOptions, adopt: (identity: Identity) => void) {
    this.#options = options;
    this.#adopt = adopt;
  }

  start(): void {
    if (this.#stopped) return;
    const { clock, random } = this.#options;
    // A fleet that was flashed together must not also renew together.
    const delayMs = JOIN_LIMITS.renewalLookMs * (0.5 + 0.5 * random.unit());
    this.#timer = clock.setTimer('renew-certificate', delayMs, () => {
      void this.#look().finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { log, ...options } = this.#options;
    try {
      const renewed = await renewIdentity(options);
      if (renewed === undefined || this.#stopped) return;
      this.#adopt(renewed.identity);
      log.info('certificate-renewed', { node: renewed.node });
    } catch (thrown) {
      log.warn('certificate-renewal-failed', { error: EdgeError.from(thrown) });
    }
  }
}
