import { X509Certificate, createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { EdgeError, type ErrorCode } from '#protocol/errors.js';
import { shownWith, signerOf, spkiOf, trustOf } from './certificate-path.js';

/** What a judged certificate says of its holder. */
export interface CertifiedName {
  /** Node name of a gateway, or the host name of a hub. */
  readonly name: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Serial number, upper-case hexadecimal, as Node prints it. */
  readonly serial: string;
}

/** A node is named by exactly one subject alternative name: this and the node name. */
export const NODE_URN = 'urn:edgetwin:node:';

/** A common name has at most 64 characters (RFC 5280 appendix A.1); DNS labels end at 63. */
const NODE_SAN = new RegExp(`^URI:${NODE_URN}([a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?)$`);

/** Extended key usages, RFC 5280 section 4.2.1.12. */
const SERVER_USAGE = '1.3.6.1.5.5.7.3.1';
const CLIENT_USAGE = '1.3.6.1.5.5.7.3.2';

/**
 * The node that a certificate names, if one of these authorities itself issued it for a client.
 * Does not look at time: the listener's TLS library does. Throws EDGE_UNAUTHENTICATED.
 */
export function certifiedNode(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): CertifiedName {
  const refuse = refusal('EDGE_UNAUTHENTICATED', 'Join again with a new token.');
  const trusted = authorities.map((authority) => ({ certificate: authority, untilMs: Infinity }));
  if (signerOf(certificate, trusted) === undefined)
    throw refuse('is not issued by an authority of this hub');
  return judgeNode(certificate, refuse);
}

function judgeNode(certificate: X509Certificate, refuse: Refuse): CertifiedName {
  if (certificate.ca) throw refuse('is an authority, not a node');
  if (!usages(certificate).includes(CLIENT_USAGE)) throw refuse('is not for a client');
  const name = NODE_SAN.exec(certificate.subjectAltName ?? '')?.[1];
  if (name === undefined) throw refuse('names no node');
  return { name, ...identifiers(certificate) };
}

/**
 * The node that a certificate names, whoever issued it: for a holder's look at his own. Throws
 * EDGE_UNAUTHENTICATED.
 */
export function namedNode(certificate: X509Certificate): CertifiedName {
  return judgeNode(certificate, refusal('EDGE_UNAUTHENTICATED', 'Join again with a new token.'));
}

/**
 * The hub at `host`, if `roots` or an issuing authority under them certified for that server the
 * key that was proved. The certificates sent after it count: those of authorities, and a second
 * one of the same key, by which a hub with a certificate of a public authority is vouched for by
 * its own. Each fact is checked by itself, because a wrong clock makes TLS libraries report the
 * time error and hide all others. A certificate from the future is accepted: a gateway without a
 * clock starts in 1970. `nowMs` is milliseconds since 1970. Throws EDGE_CERTIFICATE; when nothing
 * but the time speaks against it, its details are an `Expiry`.
 */
export function certifiedHub(
  certificate: X509Certificate,
  roots: readonly X509Certificate[],
  host: string,
  nowMs: number,
): CertifiedName {
  const refuse = refusal(
    'EDGE_CERTIFICATE',
    'Check the hub address; join again if its CA changed.',
  );
  const shown = shownWith(certificate);
  const { issuers } = trustOf(shown.slice(1), roots);
  const key = spkiOf(certificate);
  const judged = shown
    .filter((one) => one === certificate || spkiOf(one).equals(key))
    .map((one) => ({ one, issuer: signerOf(one, issuers) }))
    .find(({ issuer }) => issuer !== undefined);
  if (judged?.issuer === undefined) throw refuse('is not issued by the authority of this hub');
  const { one, issuer } = judged;
  if (one.ca) throw refuse('is an authority, not a server');
  if (!usages(one).includes(SERVER_USAGE)) throw refuse('is not for a server');
  const named = isIP(host) > 0 ? one.checkIP(host) : one.checkHost(host, { subject: 'never' });
  if (named === undefined) throw refuse(`is not for ${host}`);
  const untilMs = Math.min(Date.parse(one.validTo), issuer.untilMs);
  if (!(nowMs <= untilMs))
    throw new EdgeError('EDGE_CERTIFICATE', 'The peer’s certificate has expired.', {
      hint: 'Check the clock of this machine first.',
      details: { expiredAtMs: untilMs } satisfies Expiry,
    });
  return { name: host, ...identifiers(one) };
}

/** Details of the refusal of a hub that is the right one, by a clock that may be wrong. */
export interface Expiry {
  readonly expiredAtMs: number;
}

export function isExpiry(error: unknown): boolean {
  if (!(error instanceof EdgeError)) return false;
  const { details } = error;
  return typeof details === 'object' && details !== null && 'expiredAtMs' in details;
}

/** The first certificate of a PEM text. Throws EDGE_CERTIFICATE. */
export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new EdgeError('EDGE_CERTIFICATE', 'A certificate cannot be read.', { cause });
  }
}

/** The extended key usages; Node's types promise an array where the extension may be absent. */
function usages(certificate: X509Certificate): readonly string[] {
  return Array.isArray(certificate.keyUsage) ? certificate.keyUsage : [];
}

function identifiers(certificate: X509Certificate): Omit<CertifiedName, 'name'> {
  return {
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
    serial: certificate.serialNumber,
  };
}

type Refuse = (why: string) => EdgeError;

function refusal(code: ErrorCode, hint: string): Refuse {
  return (why) => new EdgeError(code, `The peer’s certificate ${why}.`, { hint });
}
