import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { der } from '#tunnel/test-authority.js';

/** What a certification request for tests may ask for; a hub must ignore all but the key. */
export interface TestRequest {
  readonly commonName?: string;
  readonly privateKey?: KeyObject;
  /** Signs with another key than the one it names. */
  readonly signedBy?: KeyObject;
  /** DER of an extensionRequest attribute's extensions. */
  readonly extensions?: readonly Buffer[];
}

export function newPrivateKey(namedCurve = 'P-256'): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

/** PKCS#10 in DER (RFC 2986), as good or as evil as a test wants. */
export function testRequest(wanted: TestRequest = {}): Buffer {
  const { commonName = 'gw-1', privateKey = newPrivateKey(), extensions = [] } = wanted;
  const name = der(0x30, oid('550403'), der(0x0c, Buffer.from(commonName)));
  const attribute = der(0x30, oid('2a864886f70d01090e'), der(0x31, der(0x30, ...extensions)));
  const information = der(
    0x30,
    der(0x02, Buffer.of(0)),
    der(0x30, der(0x31, name)),
    createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
    extensions.length === 0 ? der(0xa0) : der(0xa0, attribute),
  );
  const signer = wanted.signedBy ?? privateKey;
  const algorithm =
    signer.asymmetricKeyType === 'rsa'
      ? der(0x30, oid('2a864886f70d01010b'), der(0x05))
      : der(0x30, oid('2a8648ce3d040302'));
  const signature = der(0x03, Buffer.of(0), sign('sha256', information, signer));
  return der(0x30, information, algorithm, signature);
}

/** basicConstraints CA:TRUE, keyUsage certSign, extKeyUsage serverAuth, and two foreign names. */
export const GREEDY_EXTENSIONS: readonly Buffer[] = [
  extension('551d13', der(0x30, der(0x01, Buffer.of(0xff)))),
  extension('551d0f', Buffer.from('03020106', 'hex')),
  extension('551d25', der(0x30, oid('2b06010505070301'))),
  extension(
    '551d11',
    der(
      0x30,
      der(0x82, Buffer.from('hub.example')),
      der(0x86, Buffer.from('urn:edgetwin:node:gw-2')),
    ),
  ),
];

function extension(id: string, value: Buffer): Buffer {
  return der(0x30, oid(id), der(0x04, value));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}
