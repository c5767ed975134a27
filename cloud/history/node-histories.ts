import { Series, seriesKeys } from '#journal/series.js';
import type { SeriesTables } from '#journal/series-tables.js';
import type { Storage } from '#journal/storage-port.js';
import type { Store } from '#journal/store.js';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import { HUB_HISTORY_LIMITS } from './limits.js';

export interface NodeHistoriesOptions {
  /** The store of the hub's other tables: a range and its cursor are one transaction. */
  readonly store: Store<SeriesTables>;
  /** The folder of a node's older samples, made when missing. */
  readonly storageOf: (node: string) => Promise<Storage>;
  readonly clock: Clock;
  readonly log: Log;
  readonly bytesPerNode?: number;
  readonly maxAgeMs?: number;
  /** Rows and characters of a block; for simulators. */
  readonly blockRows?: number;
  readonly blockBytes?: number;
}

/** The sample history of each node: a series of its own, opened when it is first needed. */
export class NodeHistories {
  readonly #options: NodeHistoriesOptions;
  readonly #keys: Map<string, string[]>;
  readonly #series = new Map<string, Promise<Series>>();
  readonly #open = new Map<string, Series>();

  constructor(options: NodeHistoriesOptions) {
    this.#options = options;
    this.#keys = seriesKeys(options.store.rows('series'));
  }

  /** Rejects with EDGE_STORAGE when the node's folder cannot be read. */
  open(node: string): Promise<Series> {
    const known = this.#series.get(node);
    if (known !== undefined) return known;
    const opening = this.#openNow(node);
    this.#series.set(node, opening);
    opening.catch(() => this.#series.delete(node));
    return opening;
  }

  /** Bytes of blocks and rows of the histories that are open, and those with an alarm. */
  stats(): { readonly rows: number; readonly bytes: number; readonly alarms: number } {
    let [rows, bytes, alarms] = [0, 0, 0];
    for (const { stats } of this.#open.values()) {
      rows += stats.rows;
      bytes += stats.bytes;
      if (stats.alarm !== undefined) alarms++;
    }
    return { rows, bytes, alarms };
  }

  close(): void {
    for (const series of this.#open.values()) series.close();
  }

  async #openNow(node: string): Promise<Series> {
    const { storageOf, bytesPerNode, ...options } = this.#options;
    const storage = await storageOf(node);
    const { pendingChars, blockCharsMin } = HUB_HISTORY_LIMITS;
    const share = Math.floor(pendingChars / (this.#series.size + 1));
    const series = await Series.open({
      blockBytes: Math.max(blockCharsMin, Math.min(share, 64 * 1024)),
      ...options,
      name: node,
      storage,
      keys: this.#keys.get(node) ?? [],
      maxBytes: bytesPerNode ?? HUB_HISTORY_LIMITS.bytesPerNode,
    });
    this.#keys.delete(node);
    this.#open.set(node, series);
    return series;
  }
}
