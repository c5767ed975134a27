import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import type { Put, Store } from '#journal/store.js';
import { ENROLMENT_LIMITS as LIMITS } from './limits.js';
import { RateLimit } from './rate-limit.js';
import { NEW_TOKEN, tooFast } from './refusals.js';
import type { EnrolmentTables, JoinTokenRow } from './tables.js';
import { isSecretOf, newToken, type NewToken } from './token.js';

export interface TokenView {
  readonly id: string;
  readonly node: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt?: number;
}

/** The join tokens that the hub keeps. What changes them returns puts, for one commit with others. */
export class TokenBook {
  readonly #store: Store<EnrolmentTables>;
  readonly #attempts = new RateLimit(LIMITS.attemptsPerSecond, LIMITS.attemptsBurst);
  /** Of tokens that exist, so it is bounded as they are. */
  readonly #attemptsOf = new Map<string, RateLimit>();

  constructor(store: Store<EnrolmentTables>) {
    this.#store = store;
  }

  list(): readonly TokenView[] {
    return [...this.#store.rows('joinTokens')].map(
      ([id, { node, createdAt, expiresAt, used }]) => ({
        ...{ id, node, createdAt, expiresAt },
        ...(used === undefined ? {} : { usedAt: used.at }),
      }),
    );
  }

  get(id: string): JoinTokenRow | undefined {
    return this.#store.get('joinTokens', id);
  }

  /** `wallMs` is milliseconds since 1970. Throws EDGE_LIMIT when there are too many. */
  make(node: string, wallMs: number, ttlMs: number, random: Random): NewToken {
    if (this.list().filter(({ expiresAt }) => expiresAt > wallMs).length >= LIMITS.tokens)
      throw new EdgeError('EDGE_LIMIT', `There are ${LIMITS.tokens} tokens already.`, {
        hint: 'Withdraw those that nobody needs, or wait until they expire.',
      });
    return newToken(node, wallMs, ttlMs, random);
  }

  /**
   * The token, if this is its secret. Says nothing about a token to somebody who does not know it.
   * Throws EDGE_LIMIT, EDGE_TOKEN.
   */
  recognise(id: string, secret: string, nowMs: number, wallMs: number): JoinTokenRow {
    if (!this.#attempts.take(nowMs)) throw tooFast();
    const row = this.get(id);
    if (row !== undefined && !this.#limitOf(id).take(nowMs)) throw tooFast();
    if (!isSecretOf(row, secret)) throw unknownToken();
    if (wallMs >= row.expiresAt)
      throw new EdgeError('EDGE_TOKEN', 'The token has expired.', { hint: NEW_TOKEN });
    return row;
  }

  withdraw(id: string): Put<EnrolmentTables> {
    this.#attemptsOf.delete(id);
    return { table: 'joinTokens', key: id, row: null };
  }

  withdrawAll(node: string): Put<EnrolmentTables>[] {
    return this.list()
      .filter((token) => token.node === node)
      .map(({ id }) => this.withdraw(id));
  }

  /** Removes those that have expired, some at a time. */
  sweep(wallMs: number): Put<EnrolmentTables>[] {
    return this.list()
      .filter(({ expiresAt }) => expiresAt <= wallMs)
      .slice(0, LIMITS.outdatedAtOnce)
      .map(({ id }) => this.withdraw(id));
  }

  #limitOf(id: string): RateLimit {
    const perMinute = LIMITS.attemptsPerTokenPerMinute;
    const limit = this.#attemptsOf.get(id) ?? new RateLimit(perMinute / 60, perMinute);
    this.#attemptsOf.set(id, limit);
    return limit;
  }
}

export function unknownToken(): EdgeError {
  return new EdgeError('EDGE_TOKEN', 'The token is not known here.', { hint: NEW_TOKEN });
}
