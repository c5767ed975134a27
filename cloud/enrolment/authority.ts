import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { readPrivateFile, writePrivateFile } from '#journal/private-file.js';
import { certifiedHub, NODE_URN, type Identity } from '#tunnel/transport.js';
import { makeCertificate, type Blueprint } from './certificate-maker.js';
import { CERTIFICATE_LIVES as LIVES } from './limits.js';

export interface AuthorityOptions {
  /** Where `ca.key`, `ca.crt`, `hub.key` and `hub.crt` are kept, readable by this user alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface IssuedCertificate {
  readonly certificate: string;
  readonly serial: string;
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Before this the clock of the hub is certainly wrong, and all that it would sign as well. */
const CLOCK_FLOOR_MS = Date.UTC(2026, 0, 1);

/** The hub's own certificate authority: it certifies the hub's server and the nodes, and no more. */
export class Authority {
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 of its public key (SPKI, DER), 64 hexadecimal digits: what join tokens pin. */
  readonly pin: string;
  readonly #key: string;
  readonly #options: AuthorityOptions;

  private constructor(certificate: string, key: string, options: AuthorityOptions) {
    this.certificate = certificate;
    this.pin = createHash('sha256').update(spkiOf(certificate)).digest('hex');
    this.#key = key;
    this.#options = options;
  }

  /**
   * Reads the authority, or makes it at the first start. Rejects with EDGE_CERTIFICATE when what
   * is there cannot be used: a new authority would lock every node out. EDGE_STORAGE.
   */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const keyFile = join(options.folder, 'ca.key');
    const certificateFile = join(options.folder, 'ca.crt');
    let key = await readPrivateFile(keyFile);
    let certificate = await readPrivateFile(certificateFile);
    if (key === undefined && certificate !== undefined)
      throw unusable(`${keyFile} is missing while ${certificateFile} is there`);
    if (key === undefined) {
      key = newKey();
      await writePrivateFile(keyFile, key, options.random);
    }
    if (certificate === undefined) {
      certificate = await signItself(key, options);
      await writePrivateFile(certificateFile, certificate, options.random);
      options.log.info('authority made', { folder: options.folder });
    }
    if (!belongTogether(certificate, key)) throw unusable(`${keyFile} is not its key`);
    return new Authority(certificate, key, options);
  }

  /** PEM: those that certify nodes, for the listener. */
  get clientAuthorities(): readonly string[] {
    return [this.certificate];
  }

  /**
   * The server's key and chain for these names (DNS names and addresses), the authority last.
   * Kept on disk, and made anew when names changed or two thirds of its life have passed: call it
   * daily and hand the answer to the listener.
   */
  async hubIdentity(names: readonly string[]): Promise<Identity> {
    const { folder, clock, random, log } = this.#options;
    const keyFile = join(folder, 'hub.key');
    const certificateFile = join(folder, 'hub.crt');
    const key = await readPrivateFile(keyFile);
    const certificate = await readPrivateFile(certificateFile);
    if (key !== undefined && certificate !== undefined) {
      if (this.#stillGood(certificate, key, names)) return this.#chain(certificate, key);
    }
    const made = newKey();
    const issued = await this.#issue({
      usage: 'server',
      commonName: 'edgetwin hub',
      names: names.map((value) => ({ type: isIP(value) > 0 ? 'ip' : 'dns', value })),
      publicKey: publicKeyOf(made),
      ...this.#life(LIVES.hubMs),
    });
    // A crash between the two leaves a pair that does not match, and is made anew.
    await writePrivateFile(keyFile, made, random);
    await writePrivateFile(certificateFile, issued.certificate, random);
    log.info('hub certificate made', { names, until: clock.wallTime() + LIVES.hubMs });
    return this.#chain(issued.certificate, made);
  }

  /** Certifies this key (SPKI, DER) as this node's. The caller has judged both. */
  issueNode(node: string, publicKey: Uint8Array): Promise<IssuedCertificate> {
    return this.#issue({
      usage: 'client',
      commonName: node,
      names: [{ type: 'url', value: NODE_URN + node }],
      publicKey,
      ...this.#life(LIVES.nodeMs),
    });
  }

  async #issue(blueprint: Omit<Blueprint, 'serial'>): Promise<IssuedCertificate> {
    const { fromMs, untilMs } = blueprint;
    const certificate = await makeCertificate(
      { ...blueprint, serial: newSerial(this.#options.random) },
      { certificate: this.certificate, key: this.#key },
    );
    const read = new X509Certificate(certificate);
    const fingerprint = createHash('sha256').update(read.raw).digest('hex');
    return { certificate, serial: read.serialNumber, fingerprint, fromMs, untilMs };
  }

  #chain(certificate: string, key: string): Identity {
    return { key, certificate: certificate + this.certificate, authorities: [this.certificate] };
  }

  #life(lifeMs: number): { fromMs: number; untilMs: number } {
    return lifeFrom(this.#options.clock.wallTime(), lifeMs);
  }

  #stillGood(pem: string, key: string, names: readonly string[]): boolean {
    if (!belongTogether(pem, key)) return false;
    const certificate = new X509Certificate(pem);
    const authorities = [new X509Certificate(this.certificate)];
    const nowMs = this.#options.clock.wallTime();
    const [fromMs, untilMs] = [certificate.validFrom, certificate.validTo].map(Date.parse);
    if (fromMs === undefined || untilMs === undefined || nowMs < fromMs) return false;
    if (nowMs > fromMs + (untilMs - fromMs) * LIVES.renewAfter) return false;
    if (certificate.subjectAltName?.split(', ').length !== new Set(names).size) return false;
    try {
      for (const name of names) certifiedHub(certificate, authorities, name, nowMs);
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

function signItself(key: string, { clock, random }: AuthorityOptions): Promise<string> {
  const nowMs = clock.wallTime();
  if (nowMs < CLOCK_FLOOR_MS)
    throw new EdgeError('EDGE_CERTIFICATE', 'The clock of this machine is wrong.', {
      remote: false,
      hint: 'Set the time, then start the hub again: it is about to sign its authority.',
    });
  const blueprint = {
    usage: 'authority',
    commonName: 'edgetwin hub authority',
    names: [],
    publicKey: publicKeyOf(key),
    serial: newSerial(random),
    ...lifeFrom(nowMs, LIVES.authorityMs),
  } as const;
  return makeCertificate(blueprint, { key });
}

/** Certificates carry whole seconds. */
function lifeFrom(nowMs: number, lifeMs: number): { fromMs: number; untilMs: number } {
  const fromMs = Math.floor((nowMs - LIVES.backdatedMs) / 1_000) * 1_000;
  return { fromMs, untilMs: fromMs + lifeMs };
}

/** 128 random bits below the sign bit (RFC 5280 section 4.1.2.2; CA/Browser Forum asks for 64). */
function newSerial(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function publicKeyOf(privatePem: string): Buffer {
  return createPublicKey(privatePem).export({ format: 'der', type: 'spki' });
}

function spkiOf(certificatePem: string): Buffer {
  return new X509Certificate(certificatePem).publicKey.export({ format: 'der', type: 'spki' });
}

function belongTogether(certificatePem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

function unusable(why: string): EdgeError {
  return new EdgeError('EDGE_CERTIFICATE', `The hub’s authority cannot be used: ${why}.`, {
    remote: false,
    hint: 'Restore ca.key and ca.crt from a backup; without them every node must join again.',
  });
}
