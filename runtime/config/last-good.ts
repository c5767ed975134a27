import { createHash } from 'node:crypto';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { parseBoundedJson } from '#protocol/value-check-json.js';
import { readBoundedText } from '#journal/bounded-file.js';
import { writePrivateFile } from '#journal/private-file.js';
import type { GatewayConfig } from './load.js';
import { CONFIG_LIMITS } from './limits.js';

/** What the file holds. */
interface Kept {
  /** Of another version the form may differ: then it is as if there were none. */
  readonly software: string;
  /** The configuration that the gateway ran by for long enough. */
  readonly good?: { readonly hash: string; readonly config: GatewayConfig };
  /** Starts of a configuration that has not run for long enough yet. */
  readonly tried?: { readonly hash: string; readonly starts: number };
}

/** Depth of a configuration as JSON: device documents are 16 deep at most, inside lists. */
const DEPTH_MAX = 64;

/**
 * Keeps the last configuration that worked, so that a wrong one, half-written, older or deadly, does
 * not take a gateway off its line until somebody drives there. A configuration has worked when the
 * gateway ran by it for CONFIG_LIMITS.provenMs; one that did not after CONFIG_LIMITS.startsMax starts
 * is given up.
 */
export class LastGood {
  readonly #file: string;
  readonly #random: Random;
  #kept: Kept;

  private constructor(file: string, random: Random, kept: Kept) {
    this.#file = file;
    this.#random = random;
    this.#kept = kept;
  }

  /** A file that is not there, damaged or of another version is none. */
  static async open(file: string, software: string, random: Random): Promise<LastGood> {
    const kept = await read(file);
    return new LastGood(file, random, kept?.software === software ? kept : { software });
  }

  /**
   * The configuration to start by: the present one, or the last that worked, with `fallback` saying
   * why. Rejects as `load` does when there is none.
   */
  async choose(load: () => Promise<GatewayConfig>): Promise<GatewayConfig> {
    let config: GatewayConfig;
    try {
      config = await load();
    } catch (thrown) {
      return this.insteadOf(thrown);
    }
    const hash = hashOf(config);
    const { good, tried } = this.#kept;
    if (hash === good?.hash) return config;
    const starts = tried?.hash === hash ? tried.starts : 0;
    if (good !== undefined && starts >= CONFIG_LIMITS.startsMax)
      return { ...good.config, fallback: `the present one ended ${starts} starts too early` };
    // A folder that cannot be written now is no reason not to start.
    await this.#write({ ...this.#kept, tried: { hash, starts: starts + 1 } }).catch(
      () => undefined,
    );
    return config;
  }

  /** The last configuration that worked, when the present one did not start; else throws that again. */
  insteadOf(thrown: unknown): GatewayConfig {
    const { good } = this.#kept;
    const { code, message } = EdgeError.from(thrown);
    if (good === undefined || code !== 'EDGE_CONFIG') throw thrown;
    return { ...good.config, fallback: message };
  }

  /** It has run for long enough. Resolves when durable. */
  async keep(config: GatewayConfig): Promise<void> {
    if (config.fallback !== undefined) return;
    const { software, good, tried } = this.#kept;
    const hash = hashOf(config);
    if (hash === good?.hash && tried === undefined) return;
    await this.#write({ software, good: { hash, config } });
  }

  async #write(kept: Kept): Promise<void> {
    this.#kept = kept;
    await writePrivateFile(this.#file, `${JSON.stringify(kept)}\n`, this.#random);
  }
}

function hashOf(config: GatewayConfig): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex');
}

async function read(file: string): Promise<Kept | undefined> {
  try {
    const text = await readBoundedText(file, CONFIG_LIMITS.lastGoodBytes);
    return parseBoundedJson(text, DEPTH_MAX) as Kept;
  } catch {
    return undefined;
  }
}
