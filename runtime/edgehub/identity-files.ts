import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { readPrivateFile, writePrivateFile } from '#journal/private-file.js';
import { namedNode, readChain, readTokenKey, type Identity } from '#tunnel/transport.js';

/** Who this gateway is, and at which hub. */
export interface NodeIdentity {
  readonly identity: Identity;
  /** `wss://host:port`. */
  readonly hub: string;
  readonly node: string;
}

/** What a join brings beside the key, which was staged before. PEM. */
export interface Joined {
  /** A key that somebody else made, or that stays in a token; absent: the staged one. */
  readonly key?: string;
  readonly certificate: string;
  readonly authority: string;
  readonly hub: string;
  readonly node: string;
}

const KEY = 'node.key';
const CERTIFICATE = 'node.crt';
const AUTHORITY = 'ca.crt';
const HUB = 'hub.json';

/**
 * The four files of an identity in a gateway's data folder. They change together: all are staged
 * under names that end in `.next`, `hub.json.next` last, and are then renamed, `hub.json` last.
 * While `hub.json.next` exists the renaming is not finished, and whoever opens finishes it; so a
 * power cut between any two steps leaves the old identity, or the new one.
 */
export class IdentityFiles {
  readonly #folder: string;
  readonly #random: Random;

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
  }

  /** The identity, or undefined before the first join. Rejects with EDGE_CERTIFICATE, EDGE_STORAGE. */
  async load(): Promise<NodeIdentity | undefined> {
    await this.#finish();
    const [key, certificate, authority, hub] = await Promise.all(
      [KEY, CERTIFICATE, AUTHORITY, HUB].map((name) => this.#read(name)),
    );
    if (hub === undefined) return undefined;
    if (key === undefined || certificate === undefined || authority === undefined)
      throw damaged('a file is missing');
    return readIdentity({ key, certificate, authorities: rootsIn(authority) }, hub);
  }

  /**
   * The key to join with, PEM. Durable before it resolves, and the same until a join succeeds: the
   * hub gives the same key the same certificate again when its first answer was lost.
   */
  async stagedKey(): Promise<string> {
    await this.#finish();
    const staged = await this.#read(`${KEY}.next`);
    if (staged !== undefined && isKey(staged)) return staged;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    await this.#stage(KEY, key);
    return key;
  }

  /** Makes the staged key and what the hub answered the identity of this gateway. */
  async adopt({ key, certificate, authority, hub, node }: Joined): Promise<void> {
    if (key !== undefined) await this.#stage(KEY, key);
    await this.#stage(CERTIFICATE, certificate);
    await this.#stage(AUTHORITY, authority);
    await this.#stage(HUB, `${JSON.stringify({ hub, node })}\n`);
    await this.#finish();
  }

  /** Replaces the roots that are trusted, PEM. */
  async trust(roots: readonly string[]): Promise<void> {
    await this.#finish();
    await writePrivateFile(join(this.#folder, AUTHORITY), roots.join(''), this.#random);
  }

  async #finish(): Promise<void> {
    if ((await this.#read(`${HUB}.next`)) === undefined) return;
    for (const name of [KEY, CERTIFICATE, AUTHORITY]) await this.#unstage(name);
    await this.#syncFolder();
    await this.#unstage(HUB);
    await this.#syncFolder();
  }

  #read(name: string): Promise<string | undefined> {
    return readPrivateFile(join(this.#folder, name));
  }

  #stage(name: string, text: string): Promise<void> {
    return writePrivateFile(join(this.#folder, `${name}.next`), text, this.#random);
  }

  /** What was renamed before the power cut is not there any more. */
  async #unstage(name: string): Promise<void> {
    const path = join(this.#folder, name);
    try {
      await rename(`${path}.next`, path);
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
      throw notWritten(path, cause);
    }
  }

  async #syncFolder(): Promise<void> {
    try {
      const folder = await open(this.#folder, 'r');
      await folder.sync().finally(() => folder.close());
    } catch (cause) {
      throw notWritten(this.#folder, cause);
    }
  }
}

function readIdentity(identity: Identity, text: string): NodeIdentity {
  try {
    const certificate = new X509Certificate(identity.certificate);
    if (identity.authorities.length === 0) throw damaged(`${AUTHORITY} holds no root`);
    const { name } = namedNode(certificate);
    // A token that is away now is no damage: dialling will say so, and the devices are served.
    const isElsewhere = readTokenKey(identity.key) !== undefined;
    if (!isElsewhere && !certificate.checkPrivateKey(createPrivateKey(identity.key)))
      throw damaged(`${KEY} is not the key of ${CERTIFICATE}`);
    const { hub, node } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (typeof hub !== 'string' || node !== name) throw damaged(`${HUB} is for another node`);
    return { identity, hub, node: name };
  } catch (cause) {
    if (cause instanceof EdgeError && cause.code === 'EDGE_CERTIFICATE') throw cause;
    throw damaged('a file cannot be read', cause);
  }
}

/** One or more: while the hub changes its root, and as long as it wants both trusted. */
function rootsIn(pem: string): string[] {
  try {
    return readChain(pem).map(String);
  } catch (cause) {
    throw damaged(`${AUTHORITY} cannot be read`, cause);
  }
}

function isKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}

function damaged(why: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_CERTIFICATE', `The identity of this gateway is damaged: ${why}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Join again with a new token and --force.',
  });
}

function notWritten(path: string, cause: unknown): EdgeError {
  return new EdgeError('EDGE_STORAGE', `${path} cannot be written.`, {
    cause,
    hint: 'Check that the folder has space left and belongs to this user, then join again.',
  });
}
