import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import type { Identity } from '#tunnel/transport.js';
import { IdentityFiles } from './identity-files.js';
import { loadIdentity } from './join.js';
import { pinOf } from './join-exchange.js';
import { JOIN_LIMITS } from './join-limits.js';
import { renewIdentity } from './renew.js';
import { askForTrust } from './trust.js';

export interface RenewalOptions {
  readonly dataDir: string;
  readonly hub?: string | undefined;
  /** PEM, as the running gateway uses it. */
  readonly certificate: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Keeps the certificate of a running gateway young and its roots those of the hub: looks now and then,
 * and hands over the next. When
 * the hub refuses the present one, because it has lapsed or was replaced by a later join, it looks at
 * once, and takes over what another process has put into the data folder.
 */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #adopt: (identity: Identity) => void;
  #certificate: string;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #refusedAtMs = -Infinity;
  #trustAtMs = -Infinity;
  #stopped = false;

  constructor(options: RenewalOptions, adopt: (identity: Identity) => void) {
    this.#options = options;
    this.#adopt = adopt;
    this.#certificate = options.certificate;
  }

  start(): void {
    if (this.#stopped) return;
    const { clock, random } = this.#options;
    // A fleet that was flashed together must not also renew together.
    const delayMs = JOIN_LIMITS.renewalLookMs * (0.5 + 0.5 * random.unit());
    this.#timer = clock.setTimer('renew-certificate', delayMs, () => this.#lookThenWait());
  }

  /** The hub does not accept the present certificate. */
  refused(): void {
    const { clock } = this.#options;
    const isSoon = clock.now() < this.#refusedAtMs + JOIN_LIMITS.refusedLookMs;
    if (this.#stopped || this.#looking !== undefined || isSoon) return;
    this.#refusedAtMs = clock.now();
    this.#timer?.cancel();
    this.#lookThenWait();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #lookThenWait(): void {
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
      this.start();
    });
  }

  async #look(): Promise<void> {
    const { log, ...options } = this.#options;
    await this.#lookAtRoots();
    try {
      const found = await loadIdentity(options.dataDir);
      const isNew = found !== undefined && found.identity.certificate !== this.#certificate;
      const next = isNew ? found : await renewIdentity(options);
      if (next === undefined || this.#stopped) return;
      this.#certificate = next.identity.certificate;
      this.#adopt(next.identity);
      log.info(isNew ? 'identity-replaced' : 'certificate-renewed', { node: next.node });
    } catch (thrown) {
      log.warn('certificate-renewal-failed', { error: EdgeError.from(thrown) });
    }
  }

  /** A renewal may need the next root, so this comes first; it never rejects. */
  async #lookAtRoots(): Promise<void> {
    const { dataDir, hub, clock, random, log } = this.#options;
    const isRefused = this.#refusedAtMs === clock.now();
    if (!isRefused && clock.now() < this.#trustAtMs + JOIN_LIMITS.trustLookMs) return;
    this.#trustAtMs = clock.now();
    try {
      const files = new IdentityFiles(dataDir, random);
      const present = await files.load();
      if (present === undefined) return;
      const asking = { ...present, hub: hub ?? present.hub };
      const roots = await askForTrust(asking, clock, random);
      if (roots === undefined || this.#stopped) return;
      const authorities = roots.map(String);
      await files.trust(authorities);
      this.#adopt({ ...present.identity, authorities });
      log.warn('roots-changed', { pins: roots.map(pinOf) });
      // The hub should know that they are on the disk before it gives the old one up.
      await askForTrust(
        { ...asking, identity: { ...present.identity, authorities } },
        clock,
        random,
      );
    } catch (thrown) {
      log.warn('roots-unknown', { error: EdgeError.from(thrown) });
    }
  }
}
