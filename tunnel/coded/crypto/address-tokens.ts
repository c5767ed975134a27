import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '#protocol/random.js';
import { ByteReader } from '../wire/byte-reader.js';
import { ByteWriter } from '../wire/byte-writer.js';

const MAC_BYTES = 16;
const SECRET_BYTES = 32;
/** Milliseconds that a token holds, and after which the secret behind new ones is another. */
const LIFE_MS = 10_000;
const ROTATE_MS = 60_000;
/** Times travel in steps of so many milliseconds. */
const STEP_MS = 10;

/**
 * Tokens by which an address proves that it hears what is sent to it, without a byte of memory
 * for those who do not (RFC 9000 section 8.1): time, and a MAC over time, address and the
 * client's connection id, under a secret of this process that changes.
 */
export class AddressTokens {
  readonly #random: Random;
  #secrets: readonly [Uint8Array, Uint8Array];
  #rotatesAt: number;

  constructor(random: Random, now: number) {
    this.#random = random;
    this.#secrets = [random.bytes(SECRET_BYTES), random.bytes(SECRET_BYTES)];
    this.#rotatesAt = now + ROTATE_MS;
  }

  make(address: string, connectionId: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    const time = Math.floor(now / STEP_MS);
    const writer = new ByteWriter(4 + MAC_BYTES);
    writer.u32(time);
    writer.bytes(mac(this.#secrets[0], time, address, connectionId));
    return writer.written();
  }

  isValid(token: Uint8Array, address: string, connectionId: Uint8Array, now: number): boolean {
    this.#rotate(now);
    if (token.length !== 4 + MAC_BYTES) return false;
    const time = new ByteReader(token).u32();
    const age = (Math.floor(now / STEP_MS) - time) * STEP_MS;
    if (age < 0 || age > LIFE_MS) return false;
    return this.#secrets.some((secret) =>
      timingSafeEqual(mac(secret, time, address, connectionId), token.subarray(4)),
    );
  }

  #rotate(now: number): void {
    if (now < this.#rotatesAt) return;
    this.#secrets = [this.#random.bytes(SECRET_BYTES), this.#secrets[0]];
    this.#rotatesAt = now + ROTATE_MS;
  }
}

function mac(secret: Uint8Array, time: number, address: string, id: Uint8Array): Uint8Array {
  const hash = createHmac('sha256', secret).update(`edgetwin address ${time} ${address} `);
  return hash.update(id).digest().subarray(0, MAC_BYTES);
}
