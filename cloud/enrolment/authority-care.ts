import { createPrivateKey } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import {
  AuthorityFiles,
  FIRST_ROOT,
  nextName,
  unusable,
  type AuthorityPlan,
} from './authority-files.js';
import { concernOf, type AuthorityConcern } from './authority-concern.js';
import { mayCertifyAuthorities } from './certificate-maker.js';
import { makeIssuing, makeLink, makeRoot, type Signing } from './issuer.js';
import { belongTogether, lifeOf, pinOf } from './keys.js';

/** The authority as people see it. Times are milliseconds since 1970. */
export interface AuthorityView {
  readonly root: CertificateFacts & { readonly key: 'here' | 'elsewhere' };
  /** Absent: the root certifies nodes and hubs itself. */
  readonly issuing?: CertificateFacts;
  readonly next?: CertificateFacts & { readonly since: number };
  /** What ends, and what to do. */
  readonly concern?: AuthorityConcern;
  /** Authorities of before, under which nodes may still be certified. */
  readonly former: readonly CertificateFacts[];
}

export interface CertificateFacts {
  readonly pin: string;
  readonly until: number;
}

export interface AuthorityCareOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * What a person does to the hub's authority, in its folder, whether the hub runs or not: a running
 * one takes it over within seconds. The key of the root never leaves this machine by the network.
 */
export class AuthorityCare {
  readonly #options: AuthorityCareOptions;
  readonly #files: AuthorityFiles;

  constructor(options: AuthorityCareOptions) {
    this.#options = options;
    this.#files = new AuthorityFiles(options.folder, options.random);
  }

  /** Rejects with EDGE_CERTIFICATE when there is none, EDGE_STORAGE. */
  async show(): Promise<AuthorityView> {
    const plan = await this.#plan();
    const { issuing, next } = plan;
    const root = await this.#files.pair(plan.root);
    const { certificate } = root;
    const issuer = issuing === undefined ? certificate : await this.#files.certificate(issuing);
    const concern = concernOf({ root: certificate, issuer }, this.#options.clock.wallTime());
    return {
      ...(concern === undefined ? {} : { concern }),
      root: { ...factsOf(root.certificate), key: root.key === undefined ? 'elsewhere' : 'here' },
      ...(issuing === undefined ? {} : { issuing: await this.#facts(issuing) }),
      ...(next === undefined
        ? {}
        : { next: { ...(await this.#facts(next.root)), since: next.since } }),
      former: await Promise.all(plan.former.map((name) => this.#facts(name))),
    };
  }

  /**
   * A new issuing key, certified by the root, whose key is here or in the file `rootKey`. Turns an
   * authority that certified by itself into one of two: gateways go on trusting the same root.
   * Rejects with EDGE_CERTIFICATE, EDGE_CONFLICT during a rotation, EDGE_STORAGE.
   */
  async newIssuing(rootKey?: string): Promise<AuthorityView> {
    const plan = await this.#plan();
    refuseDuring(plan);
    const root = await this.#root(plan, rootKey);
    const name = nextName('issuing', plan);
    await this.#files.writePair(name, await makeIssuing(this.#options, numberOf(name), root));
    const { issuing, former } = plan;
    await this.#files.writePlan({
      ...plan,
      issuing: name,
      former: issuing === undefined ? former : [...former, issuing],
    });
    return this.show();
  }

  /**
   * The next root with its issuing key, beside the present ones: gateways learn it, and nothing
   * else changes. Rejects with EDGE_CERTIFICATE, EDGE_CONFLICT when one has begun, EDGE_STORAGE.
   */
  async beginRotation(rootKey?: string): Promise<AuthorityView> {
    const plan = await this.#plan();
    refuseDuring(plan);
    const present = await this.#root(plan, rootKey);
    const [rootName, issuing, linkName] = [FIRST_ROOT, 'issuing', 'link'].map((kind) =>
      nextName(kind, plan),
    ) as [string, string, string];
    const count = numberOf(rootName);
    const root = await makeRoot(this.#options, count);
    const made = await makeIssuing(this.#options, numberOf(issuing), root);
    await this.#files.writePair(rootName, root);
    await this.#files.writePair(issuing, made);
    const link = await makeLink(this.#options, count, root, present);
    await this.#files.writePair(linkName, { certificate: link });
    const since = this.#options.clock.wallTime();
    await this.#files.writePlan({
      ...plan,
      next: { root: rootName, issuing, link: linkName, since },
    });
    return this.show();
  }

  /**
   * The next root becomes the present one. Nodes keep their certificates until they renew: what
   * the hub has in its records counts, not who could forge others. Gateways that were away follow
   * by the link from the old root; `distrust` removes it, for a root whose key was stolen: then
   * those that have not learnt the next root must join again. Rejects with EDGE_CONFLICT when no
   * rotation has begun, EDGE_STORAGE.
   */
  async finishRotation(distrust = false): Promise<AuthorityView> {
    const plan = await this.#plan();
    const { next, root, issuing } = plan;
    if (next === undefined)
      throw new EdgeError('EDGE_CONFLICT', 'No rotation of the root has begun.', {
        hint: 'Begin one: edgetwin-hub authority rotate begin.',
      });
    const before = [...plan.former, root, ...(issuing === undefined ? [] : [issuing])];
    await this.#files.writePlan({
      root: next.root,
      issuing: next.issuing,
      former: before,
      links: distrust ? [] : [...plan.links, next.link],
    });
    return this.show();
  }

  /**
   * Moves the key of the root out of the hub into a new file. The hub goes on certifying by its
   * issuing key. Rejects with EDGE_CERTIFICATE when the key is not here or certifies by itself,
   * EDGE_CONFLICT when the file exists, EDGE_STORAGE.
   */
  async exportRoot(out: string): Promise<AuthorityView> {
    const plan = await this.#plan();
    const { key, certificate } = await this.#files.pair(plan.root);
    if (key === undefined) throw keyElsewhere();
    if (plan.issuing === undefined)
      throw new EdgeError('EDGE_CERTIFICATE', 'This root certifies nodes and hubs itself.', {
        hint: 'Make an issuing key first: edgetwin-hub authority new-issuing.',
      });
    await writeNew(out, key);
    const written = await readFile(out, 'utf8');
    if (!belongTogether(certificate, written)) throw unusable(`${out} was not written well`);
    await this.#files.remove(`${plan.root}.key`);
    return this.show();
  }

  async #plan(): Promise<AuthorityPlan> {
    if ((await this.#files.read(`${FIRST_ROOT}.crt`)) === undefined)
      throw new EdgeError('EDGE_CERTIFICATE', 'There is no authority in this folder yet.', {
        hint: 'Start the hub once: it makes one.',
      });
    return this.#files.parsePlan(await this.#files.planText());
  }

  /** With its key, and certified to certify authorities. */
  async #root(plan: AuthorityPlan, keyFile: string | undefined): Promise<Signing> {
    const { certificate, key: kept } = await this.#files.pair(plan.root);
    const key = kept ?? (keyFile === undefined ? undefined : await readKey(keyFile));
    if (key === undefined) throw keyElsewhere();
    if (!belongTogether(certificate, key)) throw unusable(`${keyFile} is not the root’s key`);
    if (await mayCertifyAuthorities(certificate)) return { certificate, key };
    const renewed = await makeRoot(this.#options, numberOf(plan.root), key);
    await this.#files.write(`${plan.root}.crt`, renewed.certificate);
    return renewed;
  }

  async #facts(name: string): Promise<CertificateFacts> {
    return factsOf(await this.#files.certificate(name));
  }
}

/** Where a hub keeps it in its data folder. */
export function authorityFolder(dataDir: string): string {
  return join(dataDir, 'pki');
}

function factsOf(pem: string): CertificateFacts {
  return { pin: pinOf(pem), until: lifeOf(pem).untilMs };
}

function numberOf(name: string): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? 1);
}

function refuseDuring({ next }: AuthorityPlan): void {
  if (next === undefined) return;
  throw new EdgeError('EDGE_CONFLICT', 'A rotation of the root is under way.', {
    hint: 'Finish it first: edgetwin-hub authority rotate finish.',
  });
}

function keyElsewhere(): EdgeError {
  return new EdgeError('EDGE_CERTIFICATE', 'The key of the root is not on this hub.', {
    remote: false,
    hint: 'Bring it, and name its file with --root-key.',
  });
}

async function readKey(file: string): Promise<string> {
  try {
    return createPrivateKey(await readFile(file, 'utf8'))
      .export({ format: 'pem', type: 'pkcs8' })
      .toString();
  } catch (cause) {
    throw new EdgeError('EDGE_CERTIFICATE', `${file} is no private key that can be read.`, {
      cause,
      remote: false,
    });
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file
      .writeFile(text)
      .then(() => file.sync())
      .finally(() => file.close());
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new EdgeError(
      exists ? 'EDGE_CONFLICT' : 'EDGE_STORAGE',
      exists ? `${path} exists already.` : `${path} cannot be written.`,
      { cause, hint: 'Name a new file, on a medium that you can put away.' },
    );
  }
}
