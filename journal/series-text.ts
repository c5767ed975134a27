import { EdgeError } from '#protocol/errors.js';

/** One row of a series. `text` is the owner's and has no line break. */
export interface SeriesRow {
  readonly n: number;
  /** Wall time, whole milliseconds; labels only, may go back. */
  readonly time: number;
  readonly text: string;
}

/**
 * Lines of `step text`: each time is a step from the one before it, the first from `base`. Steps
 * are short and repeat themselves, so they compress to almost nothing.
 */
export function joinRows(rows: readonly Omit<SeriesRow, 'n'>[], base: number): string {
  let before = base;
  let lines = '';
  for (const { time, text } of rows) {
    if (text.includes('\n')) throw new EdgeError('EDGE_INTERNAL', 'a row with a line break');
    lines += `${lines === '' ? '' : '\n'}${time - before} ${text}`;
    before = time;
  }
  return lines;
}

/** The rows of `lines`, numbered from `from`. Throws EDGE_STORAGE_CORRUPT. */
export function splitRows(lines: string, from: number, base: number): SeriesRow[] {
  const rows: SeriesRow[] = [];
  let time = base;
  for (let start = 0, n = from; start <= lines.length; n++) {
    const found = lines.indexOf('\n', start);
    const end = found < 0 ? lines.length : found;
    const space = lines.indexOf(' ', start);
    const step = Number(lines.slice(start, space));
    if (space < start + 1 || space >= end || !Number.isSafeInteger(step))
      throw new EdgeError('EDGE_STORAGE_CORRUPT', `row ${n} of a series is damaged`);
    time += step;
    rows.push({ n, time, text: lines.slice(space + 1, end) });
    start = end + 1;
  }
  return rows;
}

/** How many rows `lines` holds. */
export function countRows(lines: string): number {
  let count = 1;
  for (let at = lines.indexOf('\n'); at >= 0; at = lines.indexOf('\n', at + 1)) count++;
  return count;
}
