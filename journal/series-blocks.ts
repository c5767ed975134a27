import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { BlockFacts } from './series-block.js';
import { blockCost, blockFacts, blockName, decodeBlock, encodeBlock } from './series-block.js';
import { BlockIndex } from './series-index.js';
import type { SeriesState } from './series-tables.js';
import type { SeriesRow } from './series-text.js';
import type { Storage } from './storage-port.js';

const NEW_BLOCK = 'block-new.tmp';

/** A block that cannot be read so often is given up: its place on the disk has gone bad. */
const READ_ATTEMPTS = 5;

/** Times before 2020 come from a clock that was never set: no block is old because of them. */
const CLOCK_SET_MS = Date.UTC(2020, 0, 1);

export interface SeriesBlocksOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxBytes: number;
  readonly maxAgeMs?: number;
  readonly keep?: 'newest' | 'oldest';
  readonly state: () => SeriesState;
  /** Journals a changed state; resolves when it is durable. */
  readonly change: (change: Partial<SeriesState>) => Promise<void>;
}

/**
 * The blocks of a series: files written under a temporary name, synced, renamed, the folder synced.
 * What goes is counted in the store first, so that nobody hears of a gap that a crash takes back.
 */
export class SeriesBlocks {
  readonly #options: SeriesBlocksOptions;
  readonly #storage: Storage;
  readonly #index = new BlockIndex();
  /** Changes of the index come one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #failedReads = { from: 0, count: 0 };
  /** Damaged blocks whose rows are counted, though it is not durable yet. */
  readonly #counted = new Set<number>();
  #damaged = 0;
  #closed = false;

  constructor(options: SeriesBlocksOptions) {
    this.#options = options;
    this.#storage = options.storage;
  }

  get count(): number {
    return this.#index.length;
  }

  get rows(): number {
    return this.#index.rows;
  }

  get cost(): number {
    return this.#index.cost;
  }

  get damaged(): number {
    return this.#damaged;
  }

  close(): void {
    this.#closed = true;
  }

  /** Finds the blocks by their names. `last`: the highest number that the store knows of. */
  async open(last: number): Promise<void> {
    const { log, state } = this.#options;
    const names = await this.#storage.list();
    if (names.includes(NEW_BLOCK)) await this.#discard(NEW_BLOCK);
    const found = names
      .flatMap((name) => blockFacts(name) ?? [])
      .sort((a, b) => a.to - b.to || a.from - b.from);
    const strange = found.filter(({ to }) => to > last);
    // The store is of an older day than the folder: these numbers will be given again.
    if (strange.length > 0) log.warn('blocks-of-another-life', { blocks: strange.length, last });
    const spent: BlockFacts[] = [...strange];
    const kept: BlockFacts[] = [];
    for (const facts of found.slice(0, found.length - strange.length)) {
      // One that was written again, for more rows, holds the first one's as well.
      while ((kept.at(-1)?.from ?? 0) >= facts.from) spent.push(...kept.splice(-1));
      (facts.to < state().first ? spent : kept).push(facts);
    }
    for (const facts of kept) this.#index.push(facts);
    for (const facts of spent) await this.#discard(blockName(facts));
  }

  /** True when one block holds all of these. */
  covers(from: number, to: number): boolean {
    const facts = this.#index.at(this.#index.firstAbove(to - 1));
    return facts !== undefined && facts.from <= from;
  }

  /** Makes the names durable that a crash may have left in the cache only. */
  settleNames(): Promise<void> {
    return this.#storage.syncFolder();
  }

  /** `stands` is called in the turn in which the block takes the place of its rows. */
  async write(rows: readonly SeriesRow[], stands: () => void): Promise<void> {
    const { facts, bytes } = encodeBlock(rows);
    await this.#storage.remove(NEW_BLOCK);
    const file = await this.#storage.open(NEW_BLOCK);
    try {
      await file.write(0, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#storage.rename(NEW_BLOCK, blockName(facts));
    await this.#storage.syncFolder();
    if (this.#closed) return;
    this.#index.push(facts);
    stands();
  }

  /** Rows of the first block that has some above `after`; undefined when no block has. */
  async read(
    after: number,
    within?: { readonly from: number; readonly to: number },
  ): Promise<SeriesRow[] | undefined> {
    for (let position = this.#index.firstAbove(after); ; position = this.#index.firstAbove(after)) {
      let facts = this.#index.at(position);
      while (facts !== undefined && within !== undefined && isOutside(facts, within))
        facts = this.#index.at(++position);
      if (facts === undefined) return undefined;
      const rows = await this.#load(facts);
      if (rows !== undefined) return rows.filter(({ n }) => n > after);
    }
  }

  /** Drops what is too old or too much, oldest first. */
  enforce(): Promise<void> {
    return this.#alone(async () => {
      const victims = this.#victims();
      const last = victims.at(-1);
      if (last === undefined) return;
      const { state, change } = this.#options;
      const { first, lost } = state();
      const given = victims.reduce((sum, facts) => sum + this.#unconsumed(facts, first), 0);
      await change({ first: last.to + 1, lost: lost + given });
      for (const facts of victims) await this.#take(facts);
    });
  }

  #victims(): BlockFacts[] {
    const { maxBytes, maxAgeMs = Infinity, keep, clock } = this.#options;
    const oldestMs = clock.wallTime() - maxAgeMs;
    const victims: BlockFacts[] = [];
    let cost = this.#index.cost;
    for (let position = 0; ; position++) {
      const facts = this.#index.at(position);
      if (facts === undefined) return victims;
      const isOld = facts.latest < oldestMs && facts.latest >= CLOCK_SET_MS;
      const isTooMuch = cost > maxBytes && keep !== 'oldest';
      if (!isOld && !isTooMuch) return victims;
      victims.push(facts);
      cost -= blockCost(facts);
    }
  }

  /** Undefined when the block has gone meanwhile, or was given up. */
  async #load(facts: BlockFacts): Promise<SeriesRow[] | undefined> {
    try {
      const bytes = await this.#storage.read(blockName(facts));
      if (bytes !== undefined) return decodeBlock(bytes, facts);
    } catch (thrown) {
      const error = EdgeError.from(thrown, 'EDGE_STORAGE');
      const { from, count } = this.#failedReads;
      this.#failedReads = { from: facts.from, count: from === facts.from ? count + 1 : 1 };
      const isHopeless = this.#failedReads.count >= READ_ATTEMPTS;
      if (error.code !== 'EDGE_STORAGE_CORRUPT' && !isHopeless) throw error;
    }
    await this.#giveUp(facts);
    return undefined;
  }

  /** A block without its rows, in between others: its numbers are a gap from now on. */
  #giveUp(facts: BlockFacts): Promise<void> {
    return this.#alone(async () => {
      if (!this.#has(facts)) return;
      const { state, change, log } = this.#options;
      const { first, lost } = state();
      const given = this.#counted.has(facts.from) ? 0 : this.#unconsumed(facts, first);
      this.#counted.add(facts.from);
      await change({ lost: lost + given });
      this.#counted.delete(facts.from);
      this.#damaged++;
      log.error('block-given-up', { from: facts.from, to: facts.to });
      await this.#take(facts);
    });
  }

  #has(facts: BlockFacts): boolean {
    for (let position = this.#index.firstAbove(facts.from - 1); ; position++) {
      const found = this.#index.at(position);
      if (found === undefined || found.from > facts.from) return false;
      if (found.to === facts.to) return true;
    }
  }

  /** Rows that were not counted yet, and that nobody has consumed. */
  #unconsumed({ from, to }: BlockFacts, first: number): number {
    const { consumed } = this.#options.state();
    return Math.max(0, to - Math.max(from - 1, first - 1, consumed));
  }

  async #take(facts: BlockFacts): Promise<void> {
    this.#index.remove(facts);
    await this.#discard(blockName(facts));
  }

  /** A file that stays is found again at the next opening. */
  async #discard(name: string): Promise<void> {
    try {
      await this.#storage.remove(name);
    } catch (error) {
      this.#options.log.warn('block-not-removed', { name, error });
    }
  }

  #alone(act: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(act);
    this.#tail = done.catch(() => undefined);
    return done;
  }
}

function isOutside(
  { earliest, latest }: BlockFacts,
  within: { readonly from: number; readonly to: number },
): boolean {
  return latest < within.from || earliest > within.to;
}
