import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { EdgeError } from '#protocol/errors.js';

/** In front of what is signed: a signature for one purpose is none for another. */
export const PURPOSES = {
  grant: 'edgetwin release grant 1\n',
  manifest: 'edgetwin release manifest 1\n',
} as const;

/** Bytes of an Ed25519 key and of a signature (RFC 8032 section 5.1). */
const KEY_BYTES = 32;
const ROOTS_MAX = 8;

/** Throws nothing: `key` has 32 bytes, and a point that is none verifies nothing. */
export function isSignedBy(
  key: Uint8Array,
  purpose: keyof typeof PURPOSES,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  const message = Buffer.concat([Buffer.from(PURPOSES[purpose]), signed]);
  try {
    return verify(null, message, ed25519(key), signature);
  } catch {
    return false;
  }
}

/**
 * The keys of a file that a person installed: base64, one a line, `#` before remarks. More than one
 * while the root key is being replaced. Throws EDGE_CONFIG.
 */
export function parseRoots(text: string): Uint8Array[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const keys = lines.map((line) => Buffer.from(line, 'base64'));
  const isSound = keys.every(
    (key, index) => key.length === KEY_BYTES && key.toString('base64') === lines[index],
  );
  if (isSound && keys.length > 0 && keys.length <= ROOTS_MAX) return keys;
  throw new EdgeError('EDGE_CONFIG', 'the file of root keys is wrong', {
    hint: `Put 1 to ${ROOTS_MAX} Ed25519 public keys into it, one a line in base64.`,
  });
}

function ed25519(key: Uint8Array): KeyObject {
  const x = Buffer.from(key).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
