import type { Series } from './series.js';
import { SERIES_LIMITS } from './series-limits.js';
import type { SeriesRow } from './series-text.js';

export interface SeriesQuery {
  /** Only rows whose text begins so. */
  readonly prefix: string;
  /** Wall time, inclusive. */
  readonly from: number;
  readonly to: number;
  /** Only rows above this number; 0: all. */
  readonly after: number;
  /** At most so many rows. */
  readonly limit: number;
}

/**
 * Rows by time, in the order of their numbers. `next`: there may be more above this number, since
 * one question reads at most SERIES_LIMITS.blocksPerQuery blocks; there may then be fewer than
 * `limit`. Rejects with EDGE_STORAGE.
 */
export async function searchSeries(
  series: Pick<Series, 'read'>,
  { prefix, from, to, after, limit }: SeriesQuery,
): Promise<{ readonly rows: readonly SeriesRow[]; readonly next?: number }> {
  const rows: SeriesRow[] = [];
  let at = after;
  for (let blocks = 0; blocks < SERIES_LIMITS.blocksPerQuery; blocks++) {
    const stretch = await series.read(at, { from, to });
    if (stretch === undefined) return { rows };
    for (const row of stretch.rows) {
      if (row.time < from || row.time > to || !row.text.startsWith(prefix)) continue;
      if (rows.length === limit) return { rows, next: rows.at(-1)?.n ?? after };
      rows.push(row);
    }
    at = stretch.to;
  }
  return { rows, next: at };
}
