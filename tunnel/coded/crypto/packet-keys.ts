import { createHmac, hkdfSync } from 'node:crypto';

/** Both are in every Node; ChaCha20 is faster where the processor has no AES instructions. */
export type Cipher = 'aes-128-gcm' | 'chacha20-poly1305';

export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;
export const SECRET_BYTES = 32;

const KEY_BYTES: Readonly<Record<Cipher, number>> = {
  'aes-128-gcm': 16,
  'chacha20-poly1305': 32,
};

/** What seals and opens the packets of one direction in one key phase. */
export interface PacketKeys {
  readonly cipher: Cipher;
  readonly key: Uint8Array;
  /** The nonce of packet 0; others have their number in its low bits (RFC 9001 section 5.3). */
  readonly iv: Uint8Array;
  /** What the next phase's keys are made of. */
  readonly secret: Uint8Array;
}

/** Who speaks: each direction has keys of its own. */
export type Direction = 'client' | 'server';

/** The first secret of a direction from what the handshake exported (RFC 5705), 32 bytes. */
export function trafficSecret(exported: Uint8Array, direction: Direction): Uint8Array {
  return expand(exported, `${direction} traffic`, SECRET_BYTES);
}

export function packetKeys(secret: Uint8Array, cipher: Cipher): PacketKeys {
  return {
    cipher,
    secret,
    key: expand(secret, `${cipher} key`, KEY_BYTES[cipher]),
    iv: expand(secret, `${cipher} iv`, NONCE_BYTES),
  };
}

/** The keys of the next phase; who has them cannot make the former ones of them. */
export function nextKeys({ secret, cipher }: PacketKeys): PacketKeys {
  return packetKeys(expand(secret, 'next phase', SECRET_BYTES), cipher);
}

/**
 * The proof by which an end that has lost a session's keys may end it (RFC 9000 section 10.3):
 * only who knows `resetSecret` can make it, and it tells nothing of other connection ids.
 */
export function resetToken(resetSecret: Uint8Array, connectionId: Uint8Array): Uint8Array {
  const mac = createHmac('sha256', resetSecret).update('edgetwin reset').update(connectionId);
  return new Uint8Array(mac.digest().subarray(0, 16));
}

/** HKDF (RFC 5869) without a salt, with a label of this protocol. */
function expand(secret: Uint8Array, label: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `edgetwin tunnel 1 ${label}`, bytes));
}
