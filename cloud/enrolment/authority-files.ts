import { join } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { readPrivateFile, removePrivateFile, writePrivateFile } from '#journal/private-file.js';
import { belongTogether, type Pair } from './keys.js';

/** Which files make up the authority: names without `.crt` and `.key`. */
export interface AuthorityPlan {
  readonly root: string;
  /** Absent: the root certifies nodes and hubs itself, as older hubs did. */
  readonly issuing?: string | undefined;
  /** Under these, nodes may still be certified: roots and issuing authorities of before. */
  readonly former: readonly string[];
  /** Certificates of later roots by the roots before them, oldest first. */
  readonly links: readonly string[];
  /** The root that follows, trusted beside the present one until the rotation is finished. */
  readonly next?: NextRoot | undefined;
}

export interface NextRoot {
  readonly root: string;
  readonly issuing: string;
  readonly link: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** The files of before there were plans, and of the first root. */
export const FIRST_ROOT = 'ca';

const PLAN = 'authority.json';

/**
 * The folder of the hub's authority. Keys and certificates are written under new names and never
 * changed; what they are for stands in one small file that is replaced whole, so a power cut leaves
 * the authority of before or the new one.
 */
export class AuthorityFiles {
  readonly folder: string;
  readonly #random: Random;

  constructor(folder: string, random: Random) {
    this.folder = folder;
    this.#random = random;
  }

  /** The text of the plan, to tell whether it changed; undefined: there is none. */
  planText(): Promise<string | undefined> {
    return this.read(PLAN);
  }

  /** A folder without one has a root that certifies itself. Throws EDGE_CERTIFICATE. */
  parsePlan(text: string | undefined): AuthorityPlan {
    if (text === undefined) return { root: FIRST_ROOT, former: [], links: [] };
    try {
      const plan = JSON.parse(text) as Partial<AuthorityPlan>;
      const { root, issuing, former = [], links = [], next } = plan;
      const { root: nextRoot, issuing: nextIssuing, link } = next ?? {};
      const all = [root, issuing, ...former, ...links, nextRoot, nextIssuing, link];
      if (typeof root === 'string' && all.every((name) => name === undefined || NAME.test(name)))
        return { root, issuing, former, links, next };
    } catch {
      // Said below.
    }
    throw unusable(`${PLAN} cannot be read`);
  }

  writePlan(plan: AuthorityPlan): Promise<void> {
    return this.write(PLAN, `${JSON.stringify(plan)}\n`);
  }

  /** A certificate that must be there. Rejects with EDGE_CERTIFICATE, EDGE_STORAGE. */
  async certificate(name: string): Promise<string> {
    const text = await this.read(`${name}.crt`);
    if (text === undefined) throw unusable(`${name}.crt is missing`);
    return text;
  }

  /** The key is absent when it is kept elsewhere. Rejects with EDGE_CERTIFICATE, EDGE_STORAGE. */
  async pair(name: string): Promise<Pair> {
    const certificate = await this.certificate(name);
    const key = await this.read(`${name}.key`);
    if (key !== undefined && !belongTogether(certificate, key))
      throw unusable(`${name}.key is not the key of ${name}.crt`);
    return { certificate, key };
  }

  /** Key first: a certificate without its key would look like one whose key is kept elsewhere. */
  async writePair(name: string, { certificate, key }: Pair): Promise<void> {
    if (key !== undefined) await this.write(`${name}.key`, key);
    await this.write(`${name}.crt`, certificate);
  }

  read(file: string): Promise<string | undefined> {
    return readPrivateFile(join(this.folder, file));
  }

  write(file: string, text: string): Promise<void> {
    return writePrivateFile(join(this.folder, file), text, this.#random);
  }

  remove(file: string): Promise<void> {
    return removePrivateFile(join(this.folder, file));
  }
}

/** Names come from a file that only this user writes, and still never leave the folder. */
const NAME = /^[a-z]+(?:-\d{1,6})?$/;

/** The next free number behind `issuing-`, `ca-` or `link-`. */
export function nextName(kind: string, plan: AuthorityPlan): string {
  const { root, issuing, former, links, next } = plan;
  const names = [root, issuing, ...former, ...links, next?.root, next?.issuing, next?.link];
  const numbers = names
    .filter((name) => name?.startsWith(`${kind}-`))
    .map((name) => Number(name?.slice(kind.length + 1)));
  return `${kind}-${Math.max(kind === FIRST_ROOT ? 1 : 0, ...numbers) + 1}`;
}

export function unusable(why: string): EdgeError {
  return new EdgeError('EDGE_CERTIFICATE', `The hub’s authority cannot be used: ${why}.`, {
    remote: false,
    hint: 'Restore the folder pki from a backup; without it every node must join again.',
  });
}
