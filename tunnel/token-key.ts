import type { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { EdgeError } from '#protocol/errors.js';

/**
 * A key that stays in a token (TPM, smart card, security module), as `Identity.key` holds it instead of
 * PEM: its name in PKCS#11 (RFC 7512), and a certification request that the token signed. The key does
 * not change, so the request is good for each renewal. No path of a library is in it: whoever may
 * write it must not be able to have one loaded.
 */
export interface TokenKey {
  readonly uri: string;
  /** PKCS#10, PEM. */
  readonly request: string;
}

const ATTRIBUTE =
  '(?:(?:token|object|id|type|serial|model|manufacturer|slot-id)=[A-Za-z0-9%._~-]{1,200}' +
  '|pin-source=file:/[A-Za-z0-9%._~/-]{1,200})';
const URI = `pkcs11:${ATTRIBUTE}(?:[;?&]${ATTRIBUTE}){0,12}`;
const REQUEST =
  '-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\\s]{1,4096}-----END CERTIFICATE REQUEST-----';
const KEPT = new RegExp(`^(${URI})\\n(${REQUEST})\\n$`);

/** Undefined for a key in PEM. */
export function readTokenKey(text: string): TokenKey | undefined {
  const [, uri, request] = KEPT.exec(text) ?? [];
  return uri === undefined || request === undefined ? undefined : { uri, request };
}

/** As it is kept. Throws EDGE_USAGE. */
export function tokenKeyText({ uri, request }: TokenKey): string {
  const text = `${uri}\n${request.trim()}\n`;
  if (readTokenKey(text) !== undefined) return text;
  throw new EdgeError('EDGE_USAGE', 'This names no key of a PKCS#11 token, with its request.', {
    hint: 'Write pkcs11:token=...;object=...;pin-source=file:/..., and name a request in PEM.',
  });
}

/** The request, DER. */
export function requestOf({ request }: TokenKey): Buffer {
  return Buffer.from(request.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

/** `Identity.key` as node:tls takes it. */
export function tlsKeyOf(
  text: string,
): { key: string } | { privateKeyEngine: string; privateKeyIdentifier: string } {
  const token = readTokenKey(text);
  if (token === undefined) return { key: text };
  // Where Node was built its OpenSSL had no engines, and it can be told by the environment alone.
  process.env['OPENSSL_ENGINES'] ??= `/usr/lib/${DEBIAN_FOLDERS[process.arch] ?? ''}/engines-3`;
  return { privateKeyEngine: 'pkcs11', privateKeyIdentifier: token.uri };
}

/** By Node's name of the processor. */
const DEBIAN_FOLDERS: Readonly<Partial<Record<string, string>>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
};

/** Asks the token. Throws EDGE_CERTIFICATE when it does not answer, or the key is another one. */
export function requireTokenKey(text: string, certificate: X509Certificate): void {
  try {
    createSecureContext({ ...tlsKeyOf(text), cert: String(certificate) });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EdgeError('EDGE_CERTIFICATE', `The key in the token cannot be used: ${why}`, {
      cause,
      remote: false,
      hint: 'Is the token there, its PIN right, the engine installed, and may this user open them?',
    });
  }
}
