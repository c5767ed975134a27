import { EdgeError } from '#protocol/errors.js';

/** A proxy that ends the TLS of gateways and says in a header whose certificate it saw. */
export interface TrustedProxy {
  /** SHA-256 of the certificate that it shows to the hub, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** The header in which it says so, lower case. */
  readonly header: string;
}

/** As nginx and Tengine are set up in docs/hardening.md. */
export const PROXY_HEADER = 'x-ssl-client-cert';

/** As `openssl x509 -fingerprint -sha256` prints it, or without colons; then perhaps a header. */
const WRITTEN = /^([0-9a-f]{2}(?::?[0-9a-f]{2}){31})(?::([a-z][a-z0-9-]{0,63}))?$/i;

/** `FINGERPRINT[:HEADER]`. Throws EDGE_USAGE. */
export function readTrustedProxy(text: string): TrustedProxy {
  const [, fingerprint, header = PROXY_HEADER] = WRITTEN.exec(text) ?? [];
  if (fingerprint === undefined)
    throw new EdgeError('EDGE_USAGE', `${text.slice(0, 200)} names no proxy`, {
      hint: 'Write what `openssl x509 -noout -fingerprint -sha256` prints behind the =, then perhaps :HEADER.',
    });
  return {
    fingerprint: fingerprint.replaceAll(':', '').toLowerCase(),
    header: header.toLowerCase(),
  };
}
