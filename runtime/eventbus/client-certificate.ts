import type { X509Certificate } from 'node:crypto';

/** What a client showed of itself in TLS. Its private key was proved by the handshake. */
export interface ClientCertificate {
  /** SHA-256 of the certificate (DER), 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** The common name, when there is exactly one and it is plain text. */
  readonly subject: string | undefined;
  /** An authority of the configuration certified it, to be a client. */
  readonly isCertified: boolean;
  /** Milliseconds since 1970 after which it, or the authority that certified it, has ended. */
  readonly untilMs: number;
}

/** clientAuth, RFC 5280 section 4.2.1.12. */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** Letters that the printed form of a name never escapes (RFC 4514 section 2.4); X.520 bounds it. */
const COMMON_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._@:-]{0,63}$/;

/**
 * Reads fact by fact what the TLS library would say in one word: by a clock that is wrong that word
 * is about the time, whoever signed (docs/identity.md, Clocks). Pure.
 */
export function readClientCertificate(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): ClientCertificate {
  const issuer = authorities.find((authority) => isIssuedBy(certificate, authority));
  const isCertified = issuer !== undefined && isForClients(certificate);
  const ends = [certificate, ...(isCertified ? [issuer] : [])].map(({ validTo }) =>
    Date.parse(validTo),
  );
  return {
    fingerprint: fingerprintOf(certificate),
    subject: commonNameOf(certificate),
    isCertified,
    untilMs: Math.min(...ends),
  };
}

export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

/** A common name that a client may be bound to. */
export function isCommonName(text: string): boolean {
  return COMMON_NAME.test(text);
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return (
    authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
  );
}

/** No authority, and without purposes or with this one. Node names them `keyUsage`. */
function isForClients({ ca, keyUsage }: X509Certificate): boolean {
  const purposes = keyUsage as readonly string[] | undefined;
  return !ca && (purposes === undefined || purposes.includes(CLIENT_AUTH));
}

/** Node prints one attribute a line, and escapes line ends and plus signs inside of them. */
function commonNameOf({ subject }: X509Certificate): string | undefined {
  const names = subject.split('\n').filter((line) => line.startsWith('CN='));
  const name = names.length === 1 ? names[0]?.slice('CN='.length) : undefined;
  return name !== undefined && isCommonName(name) ? name : undefined;
}
