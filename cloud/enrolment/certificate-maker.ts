import { createPrivateKey, createPublicKey, webcrypto, type KeyObject } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { EdgeError } from '#protocol/errors.js';

/** What a certificate shall say. All of it comes from this hub, nothing from a request. */
export interface Blueprint {
  readonly usage: 'authority' | 'server' | 'client';
  readonly commonName: string;
  readonly names: readonly { readonly type: 'dns' | 'ip' | 'url'; readonly value: string }[];
  /** SPKI, DER. */
  readonly publicKey: Uint8Array;
  /** Hexadecimal, positive and at most 20 bytes (RFC 5280 section 4.1.2.2). */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Authorities that may follow below this one; absent: it is no authority. */
  readonly depth?: number;
}

/** The certificate of the authority that signs, absent when it signs itself, and its key. */
export interface Signer {
  readonly certificate?: string;
  /** PKCS#8, PEM. */
  readonly key: string;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Node's name of the curve P-256. */
const CURVE = 'prime256v1';

/** RFC 5280 section 4.2.1.3: bit strings for certSign with cRLSign, and for digitalSignature. */
const KEY_USAGE = '2.5.29.15';
const KEY_USAGES = { authority: '03020106', server: '03020780', client: '03020780' } as const;

/** Makes and signs a certificate and returns its PEM. */
export async function makeCertificate(blueprint: Blueprint, signer: Signer): Promise<string> {
  const x509 = await load();
  const { usage, names, fromMs, untilMs, serial } = blueprint;
  const subject = [{ CN: [blueprint.commonName] }];
  const issuer =
    signer.certificate === undefined ? undefined : new x509.X509Certificate(signer.certificate);
  const publicKey = Uint8Array.from(blueprint.publicKey);
  const issuerKey = issuer?.publicKey ?? new x509.PublicKey(publicKey);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: issuer?.subjectName ?? subject,
    notBefore: new Date(fromMs),
    notAfter: new Date(untilMs),
    publicKey,
    signingKey: await importKey(signer.key),
    signingAlgorithm: SHA256,
    extensions: [
      new x509.BasicConstraintsExtension(usage === 'authority', blueprint.depth, true),
      new x509.Extension(KEY_USAGE, true, Buffer.from(KEY_USAGES[usage], 'hex')),
      ...purposes(x509, usage),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])]),
      await x509.SubjectKeyIdentifierExtension.create(new x509.PublicKey(publicKey)),
      await x509.AuthorityKeyIdentifierExtension.create(issuerKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** False for an authority of before there were issuing ones: it may certify no authority. */
export async function mayCertifyAuthorities(pem: string): Promise<boolean> {
  const x509 = await load();
  const basic = new x509.X509Certificate(pem).getExtension(x509.BasicConstraintsExtension);
  return basic?.ca === true && basic.pathLength !== 0;
}

/**
 * The public key of a certification request (PKCS#10, DER), as SPKI in DER. The request is signed
 * by that key, so its sender holds the private one. Throws EDGE_MALFORMED for what cannot be
 * parsed, EDGE_CERTIFICATE for a key that is not P-256 or a signature that is not its own.
 */
export async function publicKeyOfRequest(csr: Uint8Array): Promise<Buffer> {
  const { own, isOwn } = await readRequest(csr);
  if (!(await isOwn()))
    throw new EdgeError('EDGE_CERTIFICATE', 'The request is not signed by the key that it names.');
  return own;
}

/** The key that a certification request names, and whether that key signed it. Throws the same. */
export async function readRequest(
  csr: Uint8Array,
): Promise<{ readonly own: Buffer; readonly isOwn: () => Promise<boolean> }> {
  const x509 = await load();
  let request: X509.Pkcs10CertificateRequest;
  let spki: Buffer;
  try {
    request = new x509.Pkcs10CertificateRequest(Uint8Array.from(csr));
    spki = Buffer.from(request.publicKey.rawData);
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'The certification request cannot be read.', { cause });
  }
  return { own: requireP256(spki), isOwn: () => request.verify().catch(() => false) };
}

/** A public key (SPKI, DER) in the one encoding that it has here. Throws EDGE_CERTIFICATE. */
export function requireP256(spki: Buffer): Buffer {
  const key = readPublicKey(spki);
  if (key?.asymmetricKeyDetails?.namedCurve !== CURVE)
    throw new EdgeError('EDGE_CERTIFICATE', 'The key must be an ECDSA key on the curve P-256.');
  return key.export({ format: 'der', type: 'spki' });
}

function readPublicKey(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** Loading costs 0.5 s and 16 MB, so it waits until somebody needs a certificate. */
async function load(): Promise<typeof X509> {
  // Its dependency injection needs this in place first, and does not bring it along.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const pkcs8 = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, P256, false, ['sign']);
}

function purposes(x509: typeof X509, usage: Blueprint['usage']): X509.Extension[] {
  if (usage === 'authority') return [];
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  return [new x509.ExtendedKeyUsageExtension([usage === 'client' ? clientAuth : serverAuth], true)];
}
