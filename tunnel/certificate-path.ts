import { X509Certificate } from 'node:crypto';

/** An authority that may be believed until then, milliseconds since 1970. */
export interface Trusted {
  readonly certificate: X509Certificate;
  readonly untilMs: number;
}

/** Roots, what they certified as roots after them, and all that may certify others. */
export interface Trust {
  readonly roots: readonly Trusted[];
  readonly issuers: readonly Trusted[];
}

/** The subject of an authority that certifies hubs and nodes and never another authority. */
export const ISSUING_NAME = 'edgetwin hub issuing';

/** More of a chain is not looked at: a public one, and two authorities with a few roots of ours. */
export const SHOWN_MAX = 12;

/**
 * Whom to believe of the certificates that were shown, from the roots on that are trusted. What a
 * root certified under the name of an issuing authority may only issue; every other authority that
 * it certified is the root after it. The name is as good as the signature of the root over it, so
 * who has only the issuing key makes no roots.
 */
export function trustOf(
  shown: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): Trust {
  const trusted: Trusted[] = roots.map((certificate) => ({
    certificate,
    untilMs: end(certificate),
  }));
  const issuing: Trusted[] = [];
  const left = new Set(shown.slice(0, SHOWN_MAX).filter(({ ca }) => ca));
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const certificate of left) {
      const parent = signerOf(certificate, trusted);
      if (parent === undefined) continue;
      left.delete(certificate);
      const untilMs = Math.min(parent.untilMs, end(certificate));
      (isIssuing(certificate) ? issuing : trusted).push({ certificate, untilMs });
    }
  }
  return { roots: trusted, issuers: [...trusted, ...issuing] };
}

/** Who signed it, by name and by signature. */
export function signerOf(
  certificate: X509Certificate,
  authorities: readonly Trusted[],
): Trusted | undefined {
  return authorities.find(
    ({ certificate: { ca, publicKey }, certificate: authority }) =>
      ca && certificate.checkIssued(authority) && certificate.verify(publicKey),
  );
}

export function isIssuing({ subject }: X509Certificate): boolean {
  return subject.startsWith(`CN=${ISSUING_NAME}`);
}

/**
 * A certificate with those that were sent after it. Node gives them away once for each connection,
 * linked in the order in which they came, whoever issued whom.
 */
export function shownWith(certificate: X509Certificate): X509Certificate[] {
  const shown: X509Certificate[] = [];
  for (
    let next: X509Certificate | undefined = certificate;
    next !== undefined && shown.length < SHOWN_MAX;
    next = next.issuerCertificate
  )
    shown.push(next);
  return shown;
}

/** The certificates of a PEM text, in order. Throws what Node throws for one that cannot be read. */
export function readChain(pem: string): X509Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.slice(0, SHOWN_MAX).map((text) => new X509Certificate(text));
}

/** SHA-256 needs its bytes, comparisons too: SPKI in DER. */
export function spkiOf({ publicKey }: X509Certificate): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' });
}

function end({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}
