import { access, open, readFile } from 'node:fs/promises';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import {
  decodePrepared,
  encodePrepared,
  PREPARED_BYTES,
  type Prepared,
} from '#protocol/prepared.js';
import type { Random } from '#protocol/random.js';
import { writePrivateFile } from '#journal/private-file.js';
import { IdentityFiles } from './identity-files.js';
import { join } from './join.js';
import { JOIN_LIMITS } from './join-limits.js';

/** The file of a boot partition; undefined when there is none. Rejects with EDGE_CONFIG, EDGE_STORAGE. */
export async function readPrepared(path: string): Promise<Prepared | undefined> {
  try {
    await access(path);
  } catch {
    return undefined;
  }
  try {
    return decodePrepared(await readFile(path));
  } catch (thrown) {
    throw EdgeError.from(thrown, 'EDGE_STORAGE');
  }
}

/** Puts the prepared configuration in its place, unless there is one. Rejects with EDGE_STORAGE. */
export async function placeConfig(
  { config }: Prepared,
  path: string,
  random: Random,
): Promise<boolean> {
  if (config === undefined) return false;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await writePrivateFile(path, config, random);
  return !isThere;
}

export interface FirstStartOptions {
  /** The file on the boot partition. */
  readonly path: string;
  readonly prepared: Prepared;
  readonly dataDir: string;
  /** As the configuration says. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Makes a gateway the node that was prepared for it: at once with an identity, with a token as soon
 * as the hub can be reached. Then the secret in the file is overwritten. A gateway that has an
 * identity keeps it.
 */
export class FirstStart {
  readonly #options: FirstStartOptions;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: FirstStartOptions) {
    this.#options = options;
  }

  /** Resolves after the first attempt, and goes on by itself. Never rejects. */
  async run(): Promise<void> {
    const { log, prepared, clock, path } = this.#options;
    if (prepared.token === undefined && prepared.identity === undefined) return;
    try {
      await this.#become();
      await forget(path, prepared);
      log.info('prepared-taken', { node: prepared.node });
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      log.warn('prepared-not-taken', { error });
      if (this.#isStopped) return;
      this.#timer = clock.setTimer('prepared', JOIN_LIMITS.preparedRetryMs, () => void this.run());
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #become(): Promise<void> {
    const { prepared, dataDir, node, clock, random } = this.#options;
    const files = new IdentityFiles(dataDir, random);
    if ((await files.load()) !== undefined) return;
    if (prepared.node !== node)
      throw new EdgeError('EDGE_CONFIG', `The file is for ${prepared.node}, this is ${node}.`, {
        hint: 'Put the file of this gateway on its card.',
      });
    const { identity, token } = prepared;
    if (identity !== undefined) await files.adopt({ ...identity, node });
    else if (token !== undefined) await join({ token, dataDir, node, clock, random });
  }
}

/** The same bytes on the medium hold no secret afterwards: the file keeps its length and its place. */
async function forget(path: string, { node, config }: Prepared): Promise<void> {
  const rest = encodePrepared({ node, ...(config === undefined ? {} : { config }) });
  try {
    const file = await open(path, 'r+');
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(
        Math.min(Math.max(size, Buffer.byteLength(rest)), PREPARED_BYTES),
        ' ',
      );
      bytes.write(rest);
      await file.write(bytes, 0, bytes.length, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new EdgeError('EDGE_STORAGE', `The secret in ${path} cannot be removed.`, {
      cause,
      hint: 'Make the boot partition writable, or remove the file by hand.',
    });
  }
}
