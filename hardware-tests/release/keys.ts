import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { PURPOSES } from '#runtime/release/signature.js';

/** A new Ed25519 key in PKCS #8, PEM: for a file that only its owner reads. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export function privateKeyOf(pem: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the key is not of Ed25519');
  return key;
}

/** The 32 bytes of its public key, in base64. */
export function publicText(key: KeyObject): string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}

/** Base64. */
export function signatureText(
  key: KeyObject,
  purpose: keyof typeof PURPOSES,
  text: string,
): string {
  return sign(null, Buffer.from(PURPOSES[purpose] + text), key).toString('base64');
}

/** Two lines: what the root key allows the release key, and its signature. Done offline. */
export function grantOf(root: KeyObject, release: KeyObject, until: string): string {
  const grant = JSON.stringify({ product: 'edgetwin', key: publicText(release), expires: until });
  return `${grant}\n${signatureText(root, 'grant', grant)}\n`;
}
