import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';

/** A certificate and, when it is kept here, its key. PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key?: string | undefined;
}

/** PKCS#8, PEM, on the curve P-256. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** SPKI, DER. */
export function publicKeyOf(privatePem: string): Buffer {
  return createPublicKey(privatePem).export({ format: 'der', type: 'spki' });
}

/** SHA-256 of the public key (SPKI, DER) of a certificate, 64 hexadecimal digits. */
export function pinOf(certificatePem: string): string {
  const { publicKey } = new X509Certificate(certificatePem);
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}

/** False also for what cannot be read. */
export function belongTogether(certificatePem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

/** Milliseconds since 1970. */
export function lifeOf(certificatePem: string): {
  readonly fromMs: number;
  readonly untilMs: number;
} {
  const { validFrom, validTo } = new X509Certificate(certificatePem);
  return { fromMs: Date.parse(validFrom), untilMs: Date.parse(validTo) };
}
