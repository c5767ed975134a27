import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { readPrivateFile, writePrivateFile } from '#journal/private-file.js';
import { certifiedHub, type Identity } from '#tunnel/transport.js';
import type { Authority } from './authority.js';
import { belongTogether, lifeOf, newKey, publicKeyOf } from './keys.js';
import { CERTIFICATE_LIVES as LIVES } from './limits.js';
import { readSupplied, type SuppliedFiles } from './supplied-certificate.js';

export interface HubCertificateOptions {
  readonly authority: Authority;
  /** Where `hub.key`, `hub.crt` and `voucher.crt` are kept, readable by this user alone. */
  readonly folder: string;
  /** DNS names and addresses that gateways reach this hub by. */
  readonly names: readonly string[];
  /** Files of a key and a chain that another authority certified. PEM. */
  readonly supplied?: SuppliedFiles | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type Keyed = Pick<Identity, 'key' | 'certificate'>;

/**
 * What the hub shows as a server: a certificate of its own authority or one that was supplied. A
 * supplied one is followed by a voucher: the own authority's certificate for the same key. So
 * gateways go on trusting this hub's authority alone, whatever public ones certify, and everybody
 * else sees the supplied one.
 */
export class HubCertificate {
  readonly #options: HubCertificateOptions;

  constructor(options: HubCertificateOptions) {
    this.#options = options;
  }

  /**
   * Key and chain, the root last. Made anew when names or the authority changed, when two thirds
   * of its life have passed, or when another key was supplied: ask often. Rejects with
   * EDGE_CERTIFICATE, EDGE_STORAGE.
   */
  async current(): Promise<Keyed> {
    const { supplied, authority } = this.#options;
    if (supplied === undefined) {
      const { key, leaf } = await this.#own();
      return { key, certificate: leaf + authority.shown };
    }
    const { key, certificate } = await readSupplied(supplied);
    const voucher = await this.#certified('voucher.crt', key);
    return { key, certificate: `${certificate.trimEnd()}\n${voucher}${authority.shown}` };
  }

  async #own(): Promise<{ key: string; leaf: string }> {
    const { folder, random } = this.#options;
    const keyFile = join(folder, 'hub.key');
    const key = await readPrivateFile(keyFile);
    const kept = await readPrivateFile(join(folder, 'hub.crt'));
    if (key !== undefined && kept !== undefined && this.#isGood(kept, key))
      return { key, leaf: kept };
    const made = newKey();
    // A crash between the two leaves a pair that does not match, and is made anew.
    await writePrivateFile(keyFile, made, random);
    return { key: made, leaf: await this.#certified('hub.crt', made) };
  }

  /** The kept certificate of our own authority for this key, or a new one. */
  async #certified(name: string, key: string): Promise<string> {
    const { folder, authority, names, random, log } = this.#options;
    const file = join(folder, name);
    const kept = await readPrivateFile(file);
    if (kept !== undefined && this.#isGood(kept, key)) return kept;
    const all = names.map((value) => ({ type: isIP(value) > 0 ? 'ip' : 'dns', value }) as const);
    const leaf = await authority.issueServer(all, publicKeyOf(key));
    await writePrivateFile(file, leaf, random);
    log.info('hub certificate made', { names, until: lifeOf(leaf).untilMs });
    return leaf;
  }

  #isGood(pem: string, key: string): boolean {
    const { authority, names, clock } = this.#options;
    if (!belongTogether(pem, key)) return false;
    const certificate = new X509Certificate(pem);
    const nowMs = clock.wallTime();
    const { fromMs, untilMs } = lifeOf(pem);
    if (nowMs < fromMs || nowMs > fromMs + (untilMs - fromMs) * LIVES.renewAfter) return false;
    if (certificate.subjectAltName?.split(', ').length !== new Set(names).size) return false;
    try {
      const issuer = [new X509Certificate(authority.issuer)];
      for (const name of names) certifiedHub(certificate, issuer, name, nowMs);
      return true;
    } catch {
      return false;
    }
  }
}

/** The names a hub is reached by: what it listens on, this machine's name, loopback, and extras. */
export function hubNames(
  listenHost: string,
  hostName: string,
  extra: readonly string[] = [],
): string[] {
  const loopback = ['localhost', '127.0.0.1', '::1'];
  const given = [listenHost, hostName, ...extra].filter(
    (name) => name !== '' && name !== '0.0.0.0' && name !== '::',
  );
  return [...new Set([...loopback, ...given.map((name) => name.toLowerCase())])];
}
