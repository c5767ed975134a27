import { createHash } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import {
  CERTIFIED_NAME_CHARS,
  encodeJoinToken,
  type JoinAnswer,
  type JoinRequest,
} from '#protocol/join.js';
import type { Log } from '#protocol/log.js';
import { isNodeName } from '#protocol/name.js';
import type { Random } from '#protocol/random.js';
import type { Put, Store } from '#journal/store.js';
import type { Peer } from '#tunnel/transport.js';
import type { Authority } from './authority.js';
import { publicKeyOfRequest } from './certificate-maker.js';
import { readJoinRequest } from './join-request.js';
import { ENROLMENT_LIMITS as LIMITS } from './limits.js';
import { RateLimit } from './rate-limit.js';
import type { CertificateRow, EnrolmentTables, JoinTokenRow } from './tables.js';
import { isSecretOf, newToken } from './token.js';

export interface EnrolmentOptions {
  readonly store: Store<EnrolmentTables>;
  readonly authority: Pick<Authority, 'certificate' | 'pin' | 'issueNode'>;
  /**
   * `wss://host:port`, as gateways reach this hub: it goes into the tokens. Asked for each, since
   * the port may be known only after listening.
   */
  readonly hubUrl: () => string;
  readonly clock: Clock;
  /** Must be fit for secrets. */
  readonly random: Random;
  readonly log: Log;
}

export interface CreatedToken {
  /** The line for the gateway, shown this once. */
  readonly token: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface TokenView {
  readonly id: string;
  readonly node: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt?: number;
}

export interface CertificateView extends CertificateRow {
  readonly serial: string;
}

/** Who may become a node, and who is one. */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #store: Store<EnrolmentTables>;
  readonly #log: Log;
  readonly #attempts = new RateLimit(LIMITS.attemptsPerSecond, LIMITS.attemptsBurst);
  readonly #issues = new RateLimit(LIMITS.issuesPerSecond, LIMITS.issuesBurst);
  /** Of tokens that exist, so it is bounded as they are. */
  readonly #attemptsOf = new Map<string, RateLimit>();

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#log = options.log.child('enrolment');
  }

  /**
   * Makes a token that is good once, for this node. Rejects with EDGE_CONFIG for a name or a time
   * to live that cannot be, EDGE_LIMIT when there are too many tokens, EDGE_STORAGE.
   */
  async createToken(request: {
    readonly node: string;
    readonly ttlMs?: number;
  }): Promise<CreatedToken> {
    const { node, ttlMs = LIMITS.tokenTtlMs } = request;
    if (!isNodeName(node) || node.length > CERTIFIED_NAME_CHARS)
      throw new EdgeError('EDGE_CONFIG', 'This cannot be the name of a node.', {
        hint: `Use at most ${CERTIFIED_NAME_CHARS} of a-z, 0-9, "-" and ".".`,
      });
    if (!(ttlMs > 0 && ttlMs <= LIMITS.tokenTtlMaxMs))
      throw new EdgeError('EDGE_CONFIG', 'A token cannot be valid for that long.', {
        hint: `At most ${LIMITS.tokenTtlMaxMs / 3_600_000} hours.`,
      });
    const nowMs = this.#options.clock.wallTime();
    const outdated = this.#outdated(nowMs);
    const fresh = [...this.#store.rows('joinTokens').values()].filter(
      ({ expiresAt }) => expiresAt > nowMs,
    );
    if (fresh.length >= LIMITS.tokens)
      throw new EdgeError('EDGE_LIMIT', `There are ${LIMITS.tokens} tokens already.`, {
        hint: 'Withdraw those that nobody needs, or wait until they expire.',
      });
    const { id, secret, row } = newToken(node, nowMs, ttlMs, this.#options.random);
    await this.#store.commit([...outdated, { table: 'joinTokens', key: id, row }]);
    this.#log.info('token created', { id, node, expiresAt: row.expiresAt });
    const { hubUrl, authority } = this.#options;
    const token = encodeJoinToken({ hub: hubUrl(), pin: authority.pin, id, secret, node });
    return { token, id, expiresAt: row.expiresAt };
  }

  /** Withdraws a token; a node that joined with it stays. False: there was none. */
  async withdrawToken(id: string): Promise<boolean> {
    const existed = this.#store.get('joinTokens', id) !== undefined;
    await this.#store.commit([{ table: 'joinTokens', key: id, row: null }]);
    this.#attemptsOf.delete(id);
    if (existed) this.#log.info('token withdrawn', { id });
    return existed;
  }

  /**
   * Spends a token on a public key. Durable before it resolves; asked again with the same token
   * and key, as after a lost answer, it answers the same. `from` is for the log. Rejects with
   * EDGE_MALFORMED, EDGE_TOKEN, EDGE_CERTIFICATE (the request's key), EDGE_LIMIT, EDGE_STORAGE.
   */
  async join(body: unknown, from: string): Promise<JoinAnswer> {
    try {
      const request = readJoinRequest(body);
      const { row, certificate } = await this.#spend(request);
      this.#log.info('node joined', { node: row.node, token: request.id, from });
      const { authority } = this.#options;
      return { node: row.node, certificate, authority: authority.certificate };
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      this.#log.warn('join refused', { code: error.code, cause: error, from });
      throw error;
    }
  }

  /**
   * True for a certificate that this hub issued and that nobody revoked or replaced. Asked when a
   * node connects, and for those connected after `revokeNode`.
   */
  isNodeAllowed(peer: Pick<Peer, 'name' | 'fingerprint' | 'serial'>): boolean {
    const row = this.#store.get('certificates', peer.serial);
    if (row === undefined || row.revoked !== undefined) return false;
    return row.node === peer.name && row.fingerprint === peer.fingerprint;
  }

  /** Revokes all certificates and withdraws all tokens of a node. Resolves to how many it revoked. */
  async revokeNode(node: string): Promise<number> {
    const revoked = this.#retire(node, 'revoked');
    const tokens = [...this.#store.rows('joinTokens')]
      .filter(([, row]) => row.node === node)
      .map(([key]) => ({ table: 'joinTokens', key, row: null }) as const);
    await this.#store.commit([...revoked, ...tokens]);
    this.#log.warn('node revoked', { node, certificates: revoked.length });
    return revoked.length;
  }

  tokens(): readonly TokenView[] {
    return [...this.#store.rows('joinTokens')].map(
      ([id, { node, createdAt, expiresAt, used }]) => ({
        id,
        node,
        createdAt,
        expiresAt,
        ...(used === undefined ? {} : { usedAt: used.at }),
      }),
    );
  }

  /** Oldest first. */
  certificates(filter: { readonly node?: string } = {}): readonly CertificateView[] {
    return [...this.#store.rows('certificates')]
      .filter(([, row]) => filter.node === undefined || row.node === filter.node)
      .map(([serial, row]) => ({ serial, ...row }));
  }

  async #spend({
    id,
    secret,
    csr,
  }: JoinRequest): Promise<{ row: JoinTokenRow; certificate: string }> {
    const row = this.#recognise(id, secret);
    const publicKey = await publicKeyOfRequest(Buffer.from(csr, 'base64'));
    const keyHash = createHash('sha256').update(publicKey).digest('hex');
    if (row.used !== undefined) return this.#repeat(row, keyHash);
    if (!this.#issues.take(this.#options.clock.now())) throw tooFast();
    const issued = await this.#options.authority.issueNode(row.node, publicKey);
    // Others may have come while this one waited: what stands now decides.
    const present = this.#store.get('joinTokens', id);
    if (present === undefined) throw unknown();
    if (present.used !== undefined) return this.#repeat(present, keyHash);
    const { certificate, serial, fingerprint, fromMs, untilMs } = issued;
    const at = this.#options.clock.wallTime();
    const { node } = row;
    await this.#store.commit([
      ...this.#retire(node, 'replaced'),
      ...this.#surplus(node),
      {
        table: 'certificates',
        key: serial,
        row: { node, fingerprint, issuedAt: at, fromMs, untilMs, token: id },
      },
      {
        table: 'joinTokens',
        key: id,
        row: { ...present, used: { keyHash, serial, certificate, at } },
      },
    ]);
    this.#log.info('certificate issued', { node, serial, fingerprint, untilMs });
    return { row, certificate };
  }

  /** Says nothing about a token to somebody who does not know its secret. */
  #recognise(id: string, secret: string): JoinTokenRow {
    const nowMs = this.#options.clock.now();
    if (!this.#attempts.take(nowMs)) throw tooFast();
    const row = this.#store.get('joinTokens', id);
    if (row !== undefined && !this.#limitOf(id).take(nowMs)) throw tooFast();
    if (!isSecretOf(row, secret)) throw unknown();
    if (this.#options.clock.wallTime() >= row.expiresAt)
      throw new EdgeError('EDGE_TOKEN', 'The token has expired.', { hint: NEW_TOKEN });
    return row;
  }

  async #repeat(
    row: JoinTokenRow,
    keyHash: string,
  ): Promise<{ row: JoinTokenRow; certificate: string }> {
    const { used } = row;
    if (used?.keyHash !== keyHash)
      throw new EdgeError('EDGE_TOKEN', 'The token was used before, by another key.', {
        hint: `${NEW_TOKEN} If it was not you, revoke the node ${row.node}.`,
      });
    if (this.#store.get('certificates', used.serial)?.revoked !== undefined)
      throw new EdgeError('EDGE_TOKEN', 'The node joined again since, or was revoked.', {
        hint: NEW_TOKEN,
      });
    // The first answer may still be on its way to the disk.
    await this.#store.commit([]);
    return { row, certificate: used.certificate };
  }

  #limitOf(id: string): RateLimit {
    const perMinute = LIMITS.attemptsPerTokenPerMinute;
    const limit = this.#attemptsOf.get(id) ?? new RateLimit(perMinute / 60, perMinute);
    this.#attemptsOf.set(id, limit);
    return limit;
  }

  /** Tokens and certificates that time alone has ended; some at a time. */
  #outdated(nowMs: number): Put<EnrolmentTables>[] {
    const tokens = [...this.#store.rows('joinTokens')].filter(
      ([, { expiresAt }]) => expiresAt <= nowMs,
    );
    for (const [id] of tokens) this.#attemptsOf.delete(id);
    const certificates = this.certificates().filter(({ untilMs }) => untilMs <= nowMs);
    return [
      ...tokens.map(([key]) => ({ table: 'joinTokens', key, row: null }) as const),
      ...certificates.map(
        ({ serial }) => ({ table: 'certificates', key: serial, row: null }) as const,
      ),
    ].slice(0, LIMITS.outdatedAtOnce);
  }

  /** A node has one good certificate: a later join is the same node on new hardware. */
  #retire(node: string, why: 'replaced' | 'revoked'): Put<EnrolmentTables>[] {
    const revoked = { at: this.#options.clock.wallTime(), why };
    return this.certificates({ node })
      .filter((certificate) => certificate.revoked === undefined)
      .map(({ serial, ...row }) => ({
        table: 'certificates',
        key: serial,
        row: { ...row, revoked },
      }));
  }

  /** A certificate that is not kept is not allowed, so the oldest may be forgotten. */
  #surplus(node: string): Put<EnrolmentTables>[] {
    const kept = this.certificates({ node });
    return kept
      .slice(0, Math.max(0, kept.length + 1 - LIMITS.certificatesPerNode))
      .map(({ serial }) => ({ table: 'certificates', key: serial, row: null }));
  }
}

const NEW_TOKEN = 'Make a new token at the hub.';

function unknown(): EdgeError {
  return new EdgeError('EDGE_TOKEN', 'The token is not known here.', { hint: NEW_TOKEN });
}

function tooFast(): EdgeError {
  return new EdgeError('EDGE_LIMIT', 'Too many attempts to join.', {
    hint: 'Wait a minute, then try again with the same token.',
    details: { retryAfterS: 60 },
  });
}
