import { createCipheriv, createDecipheriv } from 'node:crypto';
import { NONCE_BYTES, TAG_BYTES, type PacketKeys } from './packet-keys.js';

const TAG = { authTagLength: TAG_BYTES };

/**
 * Seals a payload: ciphertext, then 16 bytes of tag, into `sealed`, which has room for just that.
 * The header is authenticated with it. Never twice with one number under the same keys.
 */
export function seal(
  keys: PacketKeys,
  packetNumber: number,
  header: Uint8Array,
  payload: Uint8Array,
  sealed: Uint8Array = new Uint8Array(payload.length + TAG_BYTES),
): Uint8Array {
  const nonce = nonceOf(keys.iv, packetNumber);
  // One name for both: the typings know the option for each cipher apart.
  const cipher = createCipheriv(keys.cipher as 'aes-128-gcm', keys.key, nonce, TAG);
  cipher.setAAD(header);
  sealed.set(cipher.update(payload));
  cipher.final();
  sealed.set(cipher.getAuthTag(), payload.length);
  return sealed;
}

/** The payload, or undefined when anything of header, number, payload or tag is not as sealed. */
export function open(
  keys: PacketKeys,
  packetNumber: number,
  header: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return undefined;
  const nonce = nonceOf(keys.iv, packetNumber);
  const name = keys.cipher as 'aes-128-gcm';
  const decipher = createDecipheriv(name, keys.key, nonce, TAG);
  decipher.setAAD(header);
  decipher.setAuthTag(sealed.subarray(length));
  const opened = decipher.update(sealed.subarray(0, length));
  // No Buffer, whose slices would not be copies.
  const payload = new Uint8Array(opened.buffer, opened.byteOffset, opened.length);
  try {
    decipher.final();
  } catch {
    return undefined; // the only thing it throws for is the tag
  }
  return payload;
}

/** The iv with the packet number, up to 2^53, added bit by bit at its end. */
function nonceOf(iv: Uint8Array, packetNumber: number): Uint8Array {
  const nonce = iv.slice();
  let rest = packetNumber;
  for (let at = NONCE_BYTES - 1; rest > 0; at--) {
    nonce[at] = (nonce[at] ?? 0) ^ (rest % 256);
    rest = Math.floor(rest / 256);
  }
  return nonce;
}
