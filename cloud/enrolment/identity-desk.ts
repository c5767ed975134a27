import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Audit } from '../audit/audit-trail.js';
import type { Authority } from './authority.js';
import type { CertificateView } from './certificate-book.js';
import type { Enrolment } from './enrolment.js';
import type { TokenView } from './token-book.js';

/** What revoking a node has ended, or would end. */
export interface Revocation {
  readonly node: string;
  /** Good certificates and unused tokens of the node. */
  readonly certificates: number;
  readonly tokens: number;
  /** Live connections that were cut. */
  readonly sessions: number;
}

/** Who may be a node, as people see and end it. */
export interface IdentityDesk {
  tokens(): readonly TokenView[];
  /** Rejects with EDGE_TOKEN when there is none of this id. */
  withdrawToken(id: string, actor: string): Promise<void>;
  /** Oldest first. */
  certificates(node?: string): readonly CertificateView[];
  /**
   * Certifies a key (SPKI, DER) that was made for a node here; its earlier certificates end. Rejects
   * with EDGE_CONFIG, EDGE_CERTIFICATE, EDGE_LIMIT, EDGE_STORAGE.
   */
  certify(node: string, publicKey: Uint8Array, actor: string): Promise<CertifiedKey>;
  /** Which roots each node with a good certificate said to trust: hashes of their public keys. */
  roots(): RootsView;
  /**
   * Ends the certificates, tokens and live sessions of a node, durably before the sessions are cut.
   * `isDryRun` counts and ends nothing. Rejects with EDGE_NO_NODE when it has none of them.
   */
  revoke(node: string, actor: string, isDryRun?: boolean): Promise<Revocation>;
}

export interface CertifiedKey {
  readonly node: string;
  /** `wss://host:port`, as gateways reach this hub. */
  readonly hub: string;
  /** PEM. */
  readonly certificate: string;
  readonly authority: string;
}

export interface RootsView {
  /** Of the present root. */
  readonly pin: string;
  readonly nodes: readonly { readonly node: string; readonly pins: readonly string[] }[];
}

export interface IdentityDeskOptions {
  readonly authority: Pick<Authority, 'pin'>;
  readonly enrolment: Enrolment;
  /** Cuts the sessions of nodes that are no longer allowed; how many of this node. */
  readonly cut: (node: string) => number;
  readonly log: Log;
  readonly audit?: Audit;
}

export class EnrolmentDesk implements IdentityDesk {
  readonly #options: IdentityDeskOptions;
  readonly #log: Log;

  constructor(options: IdentityDeskOptions) {
    this.#options = options;
    this.#log = options.log.child('audit');
  }

  tokens(): readonly TokenView[] {
    return this.#options.enrolment.tokens();
  }

  async withdrawToken(id: string, actor: string): Promise<void> {
    if (!(await this.#options.enrolment.withdrawToken(id)))
      throw new EdgeError('EDGE_TOKEN', `there is no token ${id}`, {
        hint: '`edgetwin-hub token list` shows their ids.',
      });
    this.#log.warn('token-revoked', { actor, id });
    await this.#options.audit?.record({ actor, action: 'token.revoke', subject: id });
  }

  certificates(node?: string): readonly CertificateView[] {
    return this.#options.enrolment.certificates(node === undefined ? {} : { node });
  }

  async certify(node: string, publicKey: Uint8Array, actor: string): Promise<CertifiedKey> {
    const { enrolment, audit, cut } = this.#options;
    const certified = await enrolment.certify(node, publicKey);
    cut(node);
    await audit?.record({ actor, action: 'node.join', subject: node, node });
    this.#log.warn('node-certified', { actor, node });
    return certified;
  }

  roots(): RootsView {
    const { enrolment, authority } = this.#options;
    const good = this.certificates().filter(({ revoked }) => revoked === undefined);
    const trusts = enrolment.trusts();
    const names = [...new Set(good.map(({ node }) => node))].sort();
    // Before it says anything, a gateway has what it joined with: the root of then.
    const nodes = names.map((node) => ({ node, pins: trusts.get(node)?.pins ?? [] }));
    return { pin: authority.pin, nodes };
  }

  async revoke(node: string, actor: string, isDryRun = false): Promise<Revocation> {
    const { enrolment, cut, audit } = this.#options;
    const known = this.certificates(node);
    const open = this.tokens().filter((token) => token.node === node);
    if (known.length === 0 && open.length === 0)
      throw new EdgeError('EDGE_NO_NODE', `${node} has no certificate and no token here`, {
        hint: '`edgetwin-hub nodes` lists the gateways.',
      });
    const certificates = known.filter(({ revoked }) => revoked === undefined).length;
    const tokens = open.filter(({ usedAt }) => usedAt === undefined).length;
    if (isDryRun) return { node, certificates, tokens, sessions: 0 };
    await enrolment.revokeNode(node);
    const sessions = cut(node);
    this.#log.warn('node-revoked', { actor, node, certificates, tokens, sessions });
    const after = { certificates, tokens, sessions };
    await audit?.record({ actor, action: 'node.revoke', subject: node, node, after });
    return { node, certificates, tokens, sessions };
  }
}
