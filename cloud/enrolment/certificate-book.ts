import { EdgeError } from '#protocol/errors.js';
import type { Put, Store } from '#journal/store.js';
import type { Peer } from '#tunnel/transport.js';
import type { IssuedCertificate } from './issuer.js';
import { CERTIFICATE_LIVES, ENROLMENT_LIMITS as LIMITS } from './limits.js';
import { RateLimit } from './rate-limit.js';
import { tooFast } from './refusals.js';
import type { CertificateRow, EnrolmentTables } from './tables.js';

type Certified = Pick<Peer, 'name' | 'fingerprint' | 'serial'>;

export interface CertificateView extends CertificateRow {
  readonly serial: string;
}

/** The certificates that the hub issued. One that is not in here is not accepted. */
export class CertificateBook {
  readonly #store: Store<EnrolmentTables>;
  readonly #lapsedMs: number;
  /** Of nodes that have a certificate, so it is bounded as they are. */
  readonly #renewals = new Map<string, RateLimit>();

  constructor(store: Store<EnrolmentTables>, lapsedMs: number = CERTIFICATE_LIVES.lapsedMs) {
    this.#store = store;
    this.#lapsedMs = lapsedMs;
  }

  /** Oldest first. */
  list(node?: string): readonly CertificateView[] {
    return [...this.#store.rows('certificates')]
      .map(([serial, row]) => ({ serial, ...row }))
      .filter((certificate) => node === undefined || certificate.node === node);
  }

  isRevoked(serial: string): boolean {
    return this.#store.get('certificates', serial)?.revoked !== undefined;
  }

  isAllowed({ name, fingerprint, serial }: Certified): boolean {
    const row = this.#store.get('certificates', serial);
    if (row === undefined || row.revoked !== undefined) return false;
    return row.node === name && row.fingerprint === fingerprint;
  }

  /**
   * Throws unless this node may renew this certificate now: EDGE_FORBIDDEN when it was revoked or
   * replaced, EDGE_CERTIFICATE when it lapsed too long ago, EDGE_LIMIT.
   */
  requireRenewable(holder: Certified, nowMs: number, wallMs: number): void {
    const row = this.#store.get('certificates', holder.serial);
    if (!this.isAllowed(holder) || row === undefined)
      throw new EdgeError('EDGE_FORBIDDEN', 'This certificate was revoked or replaced.', {
        hint: 'Join again with a new token.',
      });
    if (wallMs > row.untilMs + this.#lapsedMs)
      throw new EdgeError('EDGE_CERTIFICATE', 'This certificate lapsed too long ago.', {
        hint: 'Join again with a new token.',
      });
    const perHour = LIMITS.renewalsPerHour;
    const limit = this.#renewals.get(row.node) ?? new RateLimit(perHour / 3_600, perHour);
    this.#renewals.set(row.node, limit);
    if (!limit.take(nowMs)) throw tooFast();
  }

  add(
    node: string,
    issued: IssuedCertificate,
    rest: Pick<CertificateRow, 'issuedAt' | 'keyHash' | 'from'>,
  ): Put<EnrolmentTables> {
    const { serial, fingerprint, fromMs, untilMs } = issued;
    const row = { node, fingerprint, fromMs, untilMs, ...rest };
    return { table: 'certificates', key: serial, row };
  }

  /** Ends all good certificates of a node. */
  retire(node: string, at: number, why: 'replaced' | 'revoked'): Put<EnrolmentTables>[] {
    return this.list(node)
      .filter(({ revoked }) => revoked === undefined)
      .map(({ serial, ...row }) => ({
        table: 'certificates',
        key: serial,
        row: { ...row, revoked: { at, why } },
      }));
  }

  /** Makes room for one more of a node: the oldest go, `keep` stays. */
  makeRoom(node: string, keep?: string): Put<EnrolmentTables>[] {
    const all = this.list(node);
    const surplus = all.length + 1 - LIMITS.certificatesPerNode;
    const spare = all.filter(({ serial }) => serial !== keep);
    return spare.slice(0, Math.max(0, surplus)).map(forget);
  }

  /** Removes those that nobody can renew any more, some at a time. */
  sweep(wallMs: number): Put<EnrolmentTables>[] {
    const gone = this.list()
      .filter(({ untilMs }) => untilMs + this.#lapsedMs < wallMs)
      .slice(0, LIMITS.outdatedAtOnce);
    for (const { node } of gone) this.#renewals.delete(node);
    return gone.map(forget);
  }
}

/** A certificate that is not kept is not accepted, so forgetting is safe. */
function forget({ serial }: CertificateView): Put<EnrolmentTables> {
  return { table: 'certificates', key: serial, row: null };
}
