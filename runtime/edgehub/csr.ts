import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { readTokenKey, requestOf } from '#tunnel/transport.js';

/** DER tags (X.690 section 8). */
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const ATTRIBUTES = 0xa0;

/** id-at-commonName 2.5.4.3 and ecdsa-with-SHA256 1.2.840.10045.4.3.2 (RFC 5758 section 3.2). */
const COMMON_NAME = Buffer.from('550403', 'hex');
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');

/**
 * A certification request (PKCS#10, RFC 2986 section 4) in DER for a private key on P-256: its
 * name, its public key, no attributes, signed by itself. Written by hand because an X.509 library
 * would cost the gateway 16 MB of memory for these 200 bytes.
 */
export function certificationRequest(privateKey: KeyObject, commonName: string): Buffer {
  const name = der(OBJECT_ID, COMMON_NAME);
  const subject = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, name, der(UTF8_STRING, Buffer.from(commonName)))),
  );
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const version = der(INTEGER, Buffer.of(0));
  const information = der(SEQUENCE, version, subject, publicKey, der(ATTRIBUTES));
  const signature = sign('sha256', information, privateKey);
  return der(
    SEQUENCE,
    information,
    der(SEQUENCE, der(OBJECT_ID, ECDSA_WITH_SHA256)),
    // No unused bits in the last byte.
    der(BIT_STRING, Buffer.of(0), signature),
  );
}

/** For a key as `Identity` has it: one in a token has signed its request before. */
export function requestFor(key: string, commonName: string): Buffer {
  const token = readTokenKey(key);
  return token === undefined
    ? certificationRequest(createPrivateKey(key), commonName)
    : requestOf(token);
}

/** Tag, length, contents; lengths from 128 on in as few bytes as they need (section 8.1.3.5). */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag, ...lengthOf(content)), content]);
}

function lengthOf({ length }: Uint8Array): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}
