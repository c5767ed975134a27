import { createPrivateKey } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { EdgeError } from '#protocol/errors.js';
import {
  certifiedNode,
  readChain,
  readTokenKey,
  requireTokenKey,
  trustOf,
} from '#tunnel/transport.js';

export interface ExpectedAnswer {
  /** Roots that are trusted. */
  readonly roots: readonly X509Certificate[];
  readonly node: string;
  /** The key that was to be certified, as `Identity.key`. */
  readonly key: string;
}

/**
 * The certificate to keep of an answer, PEM, followed by that of its issuing authority. The hub must
 * have certified our key for our name, under a trusted root. Throws EDGE_CERTIFICATE.
 */
export function judgeAnswer(certificatePem: string, expected: ExpectedAnswer): string {
  const { roots, node, key } = expected;
  const refuse = (why: string, cause?: unknown): EdgeError =>
    new EdgeError('EDGE_CERTIFICATE', `The hub’s answer cannot be used: ${why}.`, {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Update the hub or the gateway; then make a new token.',
    });
  try {
    const [certificate, ...behind] = readChain(certificatePem);
    if (certificate === undefined) throw refuse('there is no certificate in it');
    const issuers = trustOf(behind, roots).issuers.map((issuer) => issuer.certificate);
    const { name } = certifiedNode(certificate, issuers);
    if (name !== node) throw refuse(`it certifies ${name}`);
    if (readTokenKey(key) !== undefined) requireTokenKey(key, certificate);
    else if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw refuse('it is for another key');
    const used = behind.filter((one) => issuers.includes(one));
    // Written anew from what was parsed: nothing that was not judged gets into our files.
    return [certificate, ...used].map(String).join('');
  } catch (cause) {
    if (cause instanceof EdgeError && cause.code === 'EDGE_CERTIFICATE') throw cause;
    throw refuse('a certificate in it is not acceptable', cause);
  }
}
