import { createHash } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import {
  encodeJoinToken,
  timeStatement,
  type JoinAnswer,
  type TimeAnswer,
  type TrustAnswer,
} from '#protocol/join.js';
import type { Log } from '#protocol/log.js';
import { LIMITS as SHARED_LIMITS } from '#protocol/limits.js';
import { isNodeName } from '#protocol/name.js';
import type { Random } from '#protocol/random.js';
import type { Store } from '#journal/store.js';
import type { Peer } from '#tunnel/transport.js';
import type { Authority } from './authority.js';
import type { IssuedCertificate } from './issuer.js';
import { CertificateBook, type CertificateView } from './certificate-book.js';
import { publicKeyOfRequest, requireP256 } from './certificate-maker.js';
import {
  readJoinRequest,
  readRenewRequest,
  readTimeRequest,
  readTrustRequest,
} from './join-request.js';
import { ENROLMENT_LIMITS as LIMITS } from './limits.js';
import { RateLimit } from './rate-limit.js';
import { NEW_TOKEN, tooFast } from './refusals.js';
import type { EnrolmentTables, JoinTokenRow, TrustRow } from './tables.js';
import { TokenBook, unknownToken, type TokenView } from './token-book.js';

export interface EnrolmentOptions {
  readonly store: Store<EnrolmentTables>;
  readonly authority: Pick<Authority, 'certificate' | 'pin' | 'issueNode' | 'trusted' | 'sign'>;
  /**
   * `wss://host:port`, as gateways reach this hub: it goes into the tokens. Asked for each, since
   * the port may be known only after listening.
   */
  readonly hubUrl: () => string;
  /** So long after its end a certificate still renews, milliseconds; CERTIFICATE_LIVES.lapsedMs. */
  readonly lapsedMs?: number;
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

/** Who may become a node, and who is one. */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #store: Store<EnrolmentTables>;
  readonly #log: Log;
  readonly #tokens: TokenBook;
  readonly #certificates: CertificateBook;
  readonly #issues = new RateLimit(LIMITS.issuesPerSecond, LIMITS.issuesBurst);
  readonly #times = new RateLimit(LIMITS.attemptsPerSecond, LIMITS.attemptsBurst);

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#log = options.log.child('enrolment');
    this.#tokens = new TokenBook(options.store);
    this.#certificates = new CertificateBook(options.store, options.lapsedMs);
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
    requireNodeName(node);
    if (!(ttlMs > 0 && ttlMs <= LIMITS.tokenTtlMaxMs))
      throw new EdgeError('EDGE_CONFIG', 'A token cannot be valid for that long.', {
        hint: `At most ${LIMITS.tokenTtlMaxMs / 3_600_000} hours.`,
      });
    const { authority, hubUrl, random } = this.#options;
    const wallMs = this.#wallMs();
    const { id, secret, row } = this.#tokens.make(node, wallMs, ttlMs, random);
    await this.#store.commit([
      ...this.#tokens.sweep(wallMs),
      ...this.#certificates.sweep(wallMs),
      { table: 'joinTokens', key: id, row },
    ]);
    this.#log.info('token created', { id, node, expiresAt: row.expiresAt });
    const token = encodeJoinToken({ hub: hubUrl(), pin: authority.pin, id, secret, node });
    return { token, id, expiresAt: row.expiresAt };
  }

  /** Withdraws a token; a node that joined with it stays. False: there was none. */
  async withdrawToken(id: string): Promise<boolean> {
    const existed = this.#tokens.get(id) !== undefined;
    await this.#store.commit([this.#tokens.withdraw(id)]);
    if (existed) this.#log.info('token withdrawn', { id });
    return existed;
  }

  /**
   * Spends a token on a public key. Durable before it resolves; asked again with the same token
   * and key, as after a lost answer, it answers the same. `from` is for the log. Rejects with
   * EDGE_MALFORMED, EDGE_TOKEN, EDGE_CERTIFICATE (the request's key), EDGE_LIMIT, EDGE_STORAGE.
   */
  async join(body: unknown, from: string): Promise<JoinAnswer> {
    return this.#audited('join', { from }, async () => {
      const { id, secret, csr } = readJoinRequest(body);
      const token = this.#tokens.recognise(id, secret, this.#nowMs(), this.#wallMs());
      const key = await readKey(csr);
      if (token.used !== undefined) return this.#repeat(token, key.hash);
      const issued = await this.#issue(token.node, key.spki);
      // Others may have come while this one waited: what stands now decides.
      const present = this.#tokens.get(id);
      if (present === undefined) throw unknownToken();
      if (present.used !== undefined) return this.#repeat(present, key.hash);
      const { node } = token;
      const at = this.#wallMs();
      const { certificate, serial } = issued;
      const used = { keyHash: key.hash, serial, certificate, at };
      await this.#store.commit([
        // A node has one good identity: a later join is the same node on new hardware.
        ...this.#certificates.retire(node, at, 'replaced'),
        ...this.#certificates.makeRoom(node),
        this.#certificates.add(node, issued, {
          issuedAt: at,
          keyHash: key.hash,
          from: { token: id },
        }),
        { table: 'joinTokens', key: id, row: { ...present, used } },
      ]);
      this.#note(node, issued);
      return this.#answer(node, certificate);
    });
  }

  /**
   * Certifies a new key of a node that proved the key of its present certificate, which stays good
   * beside the new one until it ends. Rejects with EDGE_UNAUTHENTICATED, EDGE_FORBIDDEN,
   * EDGE_MALFORMED, EDGE_CERTIFICATE (lapsed too long ago, or the key), EDGE_LIMIT, EDGE_STORAGE.
   */
  async renew(holder: Peer | undefined, body: unknown): Promise<JoinAnswer> {
    const about = { from: holder?.address, node: holder?.name };
    return this.#audited('renewal', about, async () => {
      if (holder === undefined)
        throw new EdgeError('EDGE_UNAUTHENTICATED', 'No certificate of this hub was shown.');
      this.#certificates.requireRenewable(holder, this.#nowMs(), this.#wallMs());
      const key = await readKey(readRenewRequest(body).csr);
      const { name: node, serial: old } = holder;
      const issued = await this.#issue(node, key.spki);
      if (!this.#certificates.isAllowed(holder))
        throw new EdgeError('EDGE_FORBIDDEN', 'This certificate was revoked meanwhile.');
      await this.#store.commit([
        ...this.#certificates.makeRoom(node, old),
        this.#certificates.add(node, issued, {
          issuedAt: this.#wallMs(),
          keyHash: key.hash,
          from: { renewal: old },
        }),
      ]);
      this.#note(node, issued);
      return this.#answer(node, issued.certificate);
    });
  }

  /**
   * Which roots a gateway should trust, for anybody. What a node says to have is kept, so that
   * people see who has learnt the next root. Rejects with EDGE_MALFORMED, EDGE_STORAGE.
   */
  async trust(holder: Peer | undefined, body: unknown): Promise<TrustAnswer> {
    const { pins } = readTrustRequest(body);
    if (holder !== undefined && this.isNodeAllowed(holder)) {
      const known = this.#store.get('trusts', holder.name)?.pins;
      if (known?.join() !== pins.join()) {
        const row = { pins, at: this.#wallMs() };
        await this.#store.commit([{ table: 'trusts', key: holder.name, row }]);
      }
    }
    return this.#options.authority.trusted;
  }

  /**
   * The time, signed: for a gateway whose clock is wrong, so that it can still tell the hub's
   * certificate of today from one of last year. Throws EDGE_MALFORMED, EDGE_LIMIT.
   */
  time(body: unknown): TimeAnswer {
    const { nonce } = readTimeRequest(body);
    if (!this.#times.take(this.#nowMs())) throw tooFast();
    const wallMs = Math.round(this.#wallMs());
    const signature = this.#options.authority.sign(timeStatement(nonce, wallMs));
    return { wallMs, signature: signature.toString('base64') };
  }

  /** The roots of each node that has said so. */
  trusts(): ReadonlyMap<string, TrustRow> {
    return this.#store.rows('trusts');
  }

  /**
   * True for a certificate that this hub issued and that nobody revoked or replaced. Asked when a
   * node connects, and for those connected after `revokeNode`.
   */
  isNodeAllowed(peer: Pick<Peer, 'name' | 'fingerprint' | 'serial'>): boolean {
    return this.#certificates.isAllowed(peer);
  }

  /**
   * Certifies a key (SPKI, DER) that was made for a node by somebody who may do everything here.
   * Its earlier certificates end. Rejects with EDGE_CONFIG, EDGE_CERTIFICATE (the key), EDGE_STORAGE.
   */
  async certify(node: string, publicKey: Uint8Array): Promise<JoinAnswer & { hub: string }> {
    requireNodeName(node);
    const key = requireKey(publicKey);
    const issued = await this.#issue(node, key.spki);
    const at = this.#wallMs();
    await this.#store.commit([
      ...this.#certificates.retire(node, at, 'replaced'),
      ...this.#certificates.makeRoom(node),
      this.#certificates.add(node, issued, {
        issuedAt: at,
        keyHash: key.hash,
        from: { prepared: true },
      }),
    ]);
    this.#note(node, issued);
    return { ...this.#answer(node, issued.certificate), hub: this.#options.hubUrl() };
  }

  /** Revokes all certificates and withdraws all tokens of a node. Resolves to how many it revoked. */
  async revokeNode(node: string): Promise<number> {
    const revoked = this.#certificates.retire(node, this.#wallMs(), 'revoked');
    await this.#store.commit([...revoked, ...this.#tokens.withdrawAll(node)]);
    this.#log.warn('node revoked', { node, certificates: revoked.length });
    return revoked.length;
  }

  tokens(): readonly TokenView[] {
    return this.#tokens.list();
  }

  /** Oldest first. */
  certificates(filter: { readonly node?: string } = {}): readonly CertificateView[] {
    return this.#certificates.list(filter.node);
  }

  async #repeat({ node, used }: JoinTokenRow, keyHash: string): Promise<JoinAnswer> {
    if (used?.keyHash !== keyHash)
      throw new EdgeError('EDGE_TOKEN', 'The token was used before, by another key.', {
        hint: `${NEW_TOKEN} If it was not you, revoke the node ${node}.`,
      });
    if (this.#certificates.isRevoked(used.serial))
      throw new EdgeError('EDGE_TOKEN', 'The node joined again since, or was revoked.', {
        hint: NEW_TOKEN,
      });
    // The first answer may still be on its way to the disk.
    await this.#store.commit([]);
    return this.#answer(node, used.certificate);
  }

  #issue(node: string, publicKey: Uint8Array): Promise<IssuedCertificate> {
    if (!this.#issues.take(this.#nowMs())) throw tooFast();
    return this.#options.authority.issueNode(node, publicKey);
  }

  #note(node: string, { serial, fingerprint, untilMs }: IssuedCertificate): void {
    this.#log.info('certificate issued', { node, serial, fingerprint, untilMs });
  }

  #answer(node: string, certificate: string): JoinAnswer {
    return { node, certificate, authority: this.#options.authority.certificate };
  }

  async #audited(
    what: string,
    about: Readonly<Record<string, string | undefined>>,
    attempt: () => Promise<JoinAnswer>,
  ): Promise<JoinAnswer> {
    try {
      const answer = await attempt();
      this.#log.info(`${what} granted`, { ...about, node: answer.node });
      return answer;
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      this.#log.warn(`${what} refused`, { ...about, code: error.code, cause: error });
      throw error;
    }
  }

  #nowMs(): number {
    return this.#options.clock.now();
  }

  #wallMs(): number {
    return this.#options.clock.wallTime();
  }
}

/** Throws EDGE_CONFIG. */
function requireNodeName(node: string): void {
  if (isNodeName(node)) return;
  throw new EdgeError('EDGE_CONFIG', 'This cannot be the name of a node.', {
    hint: `Use at most ${SHARED_LIMITS.nodeNameChars} of a-z, 0-9, "-" and ".".`,
  });
}

async function readKey(csr: string): Promise<{ spki: Buffer; hash: string }> {
  return hashed(await publicKeyOfRequest(Buffer.from(csr, 'base64')));
}

/** Throws EDGE_CERTIFICATE. */
function requireKey(publicKey: Uint8Array): ReturnType<typeof hashed> {
  return hashed(requireP256(Buffer.from(publicKey)));
}

function hashed(spki: Buffer): { readonly spki: Buffer; readonly hash: string } {
  return { spki, hash: createHash('sha256').update(spki).digest('hex') };
}
