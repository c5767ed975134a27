import { createHmac, scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '#protocol/random.js';
import type { StoredPassword } from './client-file.js';
import { CLIENT_LIMITS } from './limits.js';

const HASH_BYTES = 32;
const SALT_BYTES = 16;
const NEW_PASSWORD_BYTES = 18;

/** 144 random bits as 24 characters. */
export function newPassword(random: Random): string {
  return Buffer.from(random.bytes(NEW_PASSWORD_BYTES)).toString('base64url');
}

export async function hashPassword(password: Uint8Array, random: Random): Promise<StoredPassword> {
  const salt = Buffer.from(random.bytes(SALT_BYTES));
  const cost = { n: CLIENT_LIMITS.scryptN, r: CLIENT_LIMITS.scryptR, p: 1 };
  const hash = await derive(password, salt, cost);
  return { ...cost, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

export type PasswordVerdict = 'right' | 'wrong' | 'busy';

/**
 * Compares passwords with their scrypt hashes, one at a time: each takes 8 MiB and a thread of
 * those that sync the journal. What was right is remembered as a keyed hash, so that clients that
 * all come back at once cost nothing.
 */
export class PasswordCheck {
  readonly #key: Uint8Array;
  /** By client name; of the clients there are, so it is bounded as they are. */
  readonly #known = new Map<string, Buffer>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(random: Random) {
    this.#key = random.bytes(HASH_BYTES);
  }

  /** True without any work when this password was right before. */
  isKnown(name: string, stored: StoredPassword | undefined, password: Uint8Array): boolean {
    const known = this.#known.get(name);
    if (known === undefined || stored === undefined) return false;
    return timingSafeEqual(known, this.#digest(stored, password));
  }

  /** `stored` undefined: a name that nobody has takes as long. Never rejects. */
  async check(
    name: string,
    stored: StoredPassword | undefined,
    password: Uint8Array,
  ): Promise<PasswordVerdict> {
    if (this.#waiting >= CLIENT_LIMITS.passwordChecks) return 'busy';
    this.#waiting++;
    const mine = this.#last.then(() => isRight(stored ?? DECOY, password));
    this.#last = mine.catch(() => undefined);
    const right = await mine.catch(() => false);
    this.#waiting--;
    if (!right || stored === undefined) return 'wrong';
    this.#known.set(name, this.#digest(stored, password));
    return 'right';
  }

  /** After a change of the clients. */
  forget(): void {
    this.#known.clear();
  }

  #digest({ salt, hash }: StoredPassword, password: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(`${salt} ${hash} `).update(password).digest();
  }
}

const DECOY: StoredPassword = {
  ...{ n: CLIENT_LIMITS.scryptN, r: CLIENT_LIMITS.scryptR, p: 1 },
  salt: Buffer.alloc(SALT_BYTES).toString('base64'),
  hash: Buffer.alloc(HASH_BYTES).toString('base64'),
};

async function isRight(stored: StoredPassword, password: Uint8Array): Promise<boolean> {
  const hash = Buffer.from(stored.hash, 'base64');
  const derived = await derive(password, Buffer.from(stored.salt, 'base64'), stored);
  return hash.length === derived.length && timingSafeEqual(hash, derived);
}

function derive(
  password: Uint8Array,
  salt: Uint8Array,
  { n, r, p }: Pick<StoredPassword, 'n' | 'r' | 'p'>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cost = { N: n, r, p, maxmem: 2 * 128 * n * r };
    scrypt(password, salt, HASH_BYTES, cost, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
