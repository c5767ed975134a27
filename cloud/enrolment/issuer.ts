import { createHash, X509Certificate } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { ISSUING_NAME } from '#tunnel/transport.js';
import { makeCertificate, type Blueprint } from './certificate-maker.js';
import { lifeOf, newKey, publicKeyOf, type Pair } from './keys.js';
import { CERTIFICATE_LIVES as LIVES } from './limits.js';

export interface IssuedCertificate {
  /** PEM, followed by that of the issuing authority where there is one. */
  readonly certificate: string;
  readonly serial: string;
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A pair whose key is here. */
export interface Signing extends Pair {
  readonly key: string;
}

interface Ports {
  readonly clock: Clock;
  readonly random: Random;
}

/** Before this the clock of the hub is certainly wrong, and all that it would sign as well. */
const CLOCK_FLOOR_MS = Date.UTC(2026, 0, 1);

/** A root that may certify issuing authorities and the root after it. `count`: the how manieth. */
export async function makeRoot(ports: Ports, count: number, key = newKey()): Promise<Signing> {
  const nowMs = ports.clock.wallTime();
  if (nowMs < CLOCK_FLOOR_MS)
    throw new EdgeError('EDGE_CERTIFICATE', 'The clock of this machine is wrong.', {
      remote: false,
      hint: 'Set the time, then start the hub again: it is about to sign its authority.',
    });
  const blueprint = {
    usage: 'authority',
    commonName: rootName(count),
    names: [],
    publicKey: publicKeyOf(key),
    serial: newSerial(ports.random),
    // An issuing authority under it, or the next root with one.
    depth: 2,
    ...lifeFrom(nowMs, LIVES.authorityMs),
  } as const;
  return { key, certificate: await makeCertificate(blueprint, { key }) };
}

export async function makeIssuing(ports: Ports, count: number, root: Signing): Promise<Signing> {
  const key = newKey();
  const life = lifeFrom(ports.clock.wallTime(), LIVES.issuingMs);
  const certificate = await makeCertificate(
    {
      usage: 'authority',
      commonName: `${ISSUING_NAME} ${count}`,
      names: [],
      publicKey: publicKeyOf(key),
      serial: newSerial(ports.random),
      depth: 0,
      ...withinLifeOf(root.certificate, life),
    },
    root,
  );
  return { key, certificate };
}

/** The next root's key and name, certified by the present root. */
export function makeLink(ports: Ports, count: number, next: Pair, root: Signing): Promise<string> {
  const { publicKey } = new X509Certificate(next.certificate);
  return makeCertificate(
    {
      usage: 'authority',
      commonName: rootName(count),
      names: [],
      publicKey: publicKey.export({ format: 'der', type: 'spki' }),
      serial: newSerial(ports.random),
      depth: 1,
      ...withinLifeOf(root.certificate, lifeOf(next.certificate)),
    },
    root,
  );
}

/** Certifies for a hub or a node, for no longer than the authority itself is good. */
export async function issue(
  ports: Ports,
  wanted: Pick<Blueprint, 'usage' | 'commonName' | 'names' | 'publicKey'>,
  lifeMs: number,
  signer: Signing,
): Promise<Omit<IssuedCertificate, 'certificate'> & { readonly leaf: string }> {
  const life = lifeFrom(ports.clock.wallTime(), lifeMs);
  const { fromMs, untilMs } = withinLifeOf(signer.certificate, life);
  const serial = newSerial(ports.random);
  const leaf = await makeCertificate({ ...wanted, serial, fromMs, untilMs }, signer);
  const read = new X509Certificate(leaf);
  const fingerprint = createHash('sha256').update(read.raw).digest('hex');
  return { leaf, serial: read.serialNumber, fingerprint, fromMs, untilMs };
}

function rootName(count: number): string {
  return `edgetwin hub authority${count > 1 ? ` ${count}` : ''}`;
}

/** Certificates carry whole seconds. */
function lifeFrom(nowMs: number, lifeMs: number): { fromMs: number; untilMs: number } {
  const fromMs = Math.floor((nowMs - LIVES.backdatedMs) / 1_000) * 1_000;
  return { fromMs, untilMs: fromMs + lifeMs };
}

function withinLifeOf(
  authorityPem: string,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): { fromMs: number; untilMs: number } {
  return { fromMs, untilMs: Math.min(untilMs, lifeOf(authorityPem).untilMs) };
}

/** 128 random bits below the sign bit (RFC 5280 section 4.1.2.2; CA/Browser Forum asks for 64). */
function newSerial(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
