import { sign, X509Certificate } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { NODE_URN } from '#tunnel/transport.js';
import { AuthorityFiles, FIRST_ROOT, unusable, type AuthorityPlan } from './authority-files.js';
import { issue, makeIssuing, makeRoot, type IssuedCertificate, type Signing } from './issuer.js';
import { pinOf, type Pair } from './keys.js';
import { CERTIFICATE_LIVES as LIVES } from './limits.js';

export interface AuthorityOptions {
  /** Where keys and certificates are kept, readable by this user alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What gateways should trust: roots, and proofs of later roots by earlier ones. PEM. */
export interface TrustedRoots {
  readonly roots: readonly string[];
  readonly links: readonly string[];
}

/** The authority as its files say at one moment. */
interface State {
  readonly text: string | undefined;
  readonly plan: AuthorityPlan;
  readonly root: Pair;
  readonly issuing: Pair | undefined;
  readonly former: readonly string[];
  readonly links: readonly string[];
  readonly next:
    { readonly root: string; readonly issuing: string; readonly link: string } | undefined;
}

/**
 * The hub's own certificate authority: it certifies the hub's server and the nodes, and no more. It
 * does so with an issuing key; the root's key may be kept elsewhere.
 */
export class Authority {
  readonly #options: AuthorityOptions;
  readonly #files: AuthorityFiles;
  #state: State;

  private constructor(options: AuthorityOptions, files: AuthorityFiles, state: State) {
    this.#options = options;
    this.#files = files;
    this.#state = state;
  }

  /**
   * Reads the authority, or makes it at the first start. Rejects with EDGE_CERTIFICATE when what
   * is there cannot be used: a new authority would lock every node out. EDGE_STORAGE.
   */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const files = new AuthorityFiles(options.folder, options.random);
    const isThere = (await files.read(`${FIRST_ROOT}.crt`)) !== undefined;
    if (!isThere && (await files.planText()) !== undefined && !(await isBegun(files)))
      throw unusable(`${FIRST_ROOT}.crt is missing`);
    if (!isThere) await makeFirst(files, options);
    return new Authority(options, files, await readState(files));
  }

  /** The root, PEM. */
  get certificate(): string {
    return this.#state.root.certificate;
  }

  /** SHA-256 of the root's public key (SPKI, DER), 64 hexadecimal digits: what join tokens pin. */
  get pin(): string {
    return pinOf(this.certificate);
  }

  get plan(): AuthorityPlan {
    return this.#state.plan;
  }

  /** The certificate that signs, PEM: the issuing authority's, or the root's where there is none. */
  get issuer(): string {
    return this.#signing().certificate;
  }

  /** PEM: those that certify nodes or did so, for the listener. */
  get clientAuthorities(): readonly string[] {
    const { root, issuing, former, next } = this.#state;
    const all = [root.certificate, issuing?.certificate, next?.root, next?.issuing, ...former];
    return all.filter((pem) => pem !== undefined);
  }

  get trusted(): TrustedRoots {
    const { root, links, next } = this.#state;
    return {
      roots: [root.certificate, ...(next === undefined ? [] : [next.root])],
      links: [...links, ...(next === undefined ? [] : [next.link])],
    };
  }

  /**
   * What a server shows behind its certificate, PEM: the issuing authority, what leads from former
   * roots to the present one, and the roots that somebody may have pinned, the present one last.
   */
  get shown(): string {
    const { root, issuing, former, links } = this.#state;
    const newestFirst = [...links].reverse();
    const formerRoots = links.length === 0 ? [] : former.filter(isRoot).slice(-1);
    return [issuing?.certificate ?? '', ...newestFirst, ...formerRoots, root.certificate].join('');
  }

  /** Looks whether somebody changed the authority; true when it is another one now. EDGE_STORAGE. */
  async reload(): Promise<boolean> {
    if ((await this.#files.planText()) === this.#state.text) return false;
    this.#state = await readState(this.#files);
    return true;
  }

  /** Certifies this key (SPKI, DER) as this node's. The caller has judged both. */
  async issueNode(node: string, publicKey: Uint8Array): Promise<IssuedCertificate> {
    const { issuing } = this.#state;
    const names = [{ type: 'url', value: NODE_URN + node }] as const;
    const wanted = { usage: 'client', commonName: node, names, publicKey } as const;
    const { leaf, ...rest } = await issue(this.#options, wanted, LIVES.nodeMs, this.#signing());
    return { certificate: leaf + (issuing?.certificate ?? ''), ...rest };
  }

  /** Certifies this key (SPKI, DER) as the hub's, for these names; PEM of the leaf alone. */
  async issueServer(
    names: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[],
    publicKey: Uint8Array,
  ): Promise<string> {
    const wanted = { usage: 'server', commonName: 'edgetwin hub', names, publicKey } as const;
    return (await issue(this.#options, wanted, LIVES.hubMs, this.#signing())).leaf;
  }

  /** ECDSA with SHA-256 by the key that issues, DER. */
  sign(text: Uint8Array): Buffer {
    return sign('sha256', text, this.#signing().key);
  }

  /** Throws EDGE_CERTIFICATE when the key that signs is not here. */
  #signing(): Signing {
    const { root, issuing } = this.#state;
    const { certificate, key } = issuing ?? root;
    if (key === undefined) throw unusable('the key that certifies is not here');
    return { certificate, key };
  }
}

/** A power cut in the first start left a plan, and the root's key, but no root yet. */
async function isBegun(files: AuthorityFiles): Promise<boolean> {
  return (await files.read(`${FIRST_ROOT}.key`)) !== undefined;
}

/**
 * The root's certificate is written last: until then the first start is repeated, and what it left
 * is used. So a root's certificate that was lost later is made anew, and nothing else changes.
 */
async function makeFirst(files: AuthorityFiles, options: AuthorityOptions): Promise<void> {
  const present = await files.read(`${FIRST_ROOT}.key`);
  const root = await makeRoot(options, 1, present);
  if (present === undefined) await files.write(`${FIRST_ROOT}.key`, root.key);
  if ((await files.read('issuing-1.crt')) === undefined)
    await files.writePair('issuing-1', await makeIssuing(options, 1, root));
  if ((await files.planText()) === undefined)
    await files.writePlan({ root: FIRST_ROOT, issuing: 'issuing-1', former: [], links: [] });
  await files.write(`${FIRST_ROOT}.crt`, root.certificate);
  options.log.info('authority made', { folder: options.folder });
}

async function readState(files: AuthorityFiles): Promise<State> {
  const text = await files.planText();
  const plan = files.parsePlan(text);
  const { next } = plan;
  const all = (names: readonly string[]): Promise<string[]> =>
    Promise.all(names.map((name) => files.certificate(name)));
  const root = await files.pair(plan.root);
  const issuing = plan.issuing === undefined ? undefined : await files.pair(plan.issuing);
  if ((issuing ?? root).key === undefined)
    throw unusable(`${plan.issuing ?? plan.root}.key is missing`);
  const [nextRoot = '', nextIssuing = '', link = ''] =
    next === undefined ? [] : await all([next.root, next.issuing, next.link]);
  return {
    ...{ text, plan, root, issuing },
    former: await all(plan.former),
    links: await all(plan.links),
    next: next === undefined ? undefined : { root: nextRoot, issuing: nextIssuing, link },
  };
}

function isRoot(pem: string): boolean {
  const { subject, issuer } = new X509Certificate(pem);
  return subject === issuer;
}
