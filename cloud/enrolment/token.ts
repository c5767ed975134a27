import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '#protocol/random.js';
import type { JoinTokenRow } from './tables.js';

const SECRET_BYTES = 16;
const ID_BYTES = 8;

/** What only the holder of the token knows, and what the hub keeps of it. */
export interface NewToken {
  readonly id: string;
  readonly secret: string;
  readonly row: JoinTokenRow;
}

/** `random` must be fit for secrets. Times are milliseconds since 1970. */
export function newToken(node: string, nowMs: number, ttlMs: number, random: Random): NewToken {
  const secret = hex(random.bytes(SECRET_BYTES));
  const row = { node, secretHash: hash(secret), createdAt: nowMs, expiresAt: nowMs + ttlMs };
  return { id: hex(random.bytes(ID_BYTES)), secret, row };
}

/**
 * True when `secret` is the token's. Takes the same time for every wrong secret, and for a token
 * that does not exist. A plain hash is enough: 128 random bits cannot be guessed.
 */
export function isSecretOf(row: JoinTokenRow | undefined, secret: string): row is JoinTokenRow {
  const kept = Buffer.from(row?.secretHash ?? hash(''), 'hex');
  const given = createHash('sha256').update(secret).digest();
  return timingSafeEqual(kept, given) && row !== undefined;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
