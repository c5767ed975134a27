import { ManualClock } from '#protocol/manual-clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import { openStore } from './journal-store.js';
import type { MemoryStorage } from './memory-storage.js';
import { Series } from './series.js';
import type { SeriesOptions } from './series.js';
import type { SeriesTables } from './series-tables.js';
import type { SeriesRow } from './series-text.js';
import type { Store } from './store.js';

/** Test fake: a series in a store of its own, beside a plain list of what it was given. */
export class SeriesModel {
  readonly clock = new ManualClock();
  /** Every row given, by number; numbers that were given up at once are missing. */
  readonly given = new Map<number, Omit<SeriesRow, 'n'>>();
  /** The highest number whose commit was acknowledged. */
  acknowledged = 0;
  store: Store<SeriesTables> | undefined;
  series: Series | undefined;

  async open(
    main: MemoryStorage,
    folder: MemoryStorage,
    options: Partial<SeriesOptions> = {},
  ): Promise<Series> {
    const random = seededRandom(this.given.size + 1);
    const ports = { clock: this.clock, log: silentLog };
    this.store = await openStore<SeriesTables>(main, { ...ports, random, journalBytes: 16 * 1024 });
    this.series = await Series.open({
      name: 'model',
      store: this.store,
      storage: folder,
      ...ports,
      maxBytes: 12 * 4096,
      blockRows: 16,
      blockBytes: 1_024,
      ...options,
    });
    // What was never acknowledged may be gone, and its numbers are given again.
    for (const n of this.given.keys()) if (n > this.series.last) this.given.delete(n);
    return this.series;
  }

  append(rows: readonly Omit<SeriesRow, 'n'>[], givenUp = 0): Promise<void> {
    const { series, store } = this;
    if (series === undefined || store === undefined) return Promise.resolve();
    const from = series.last + 1;
    const draft = series.draft(rows, givenUp);
    for (let n = from; n <= draft.to; n++) this.given.delete(n);
    rows.forEach((row, index) => this.given.set(from + index, row));
    const durable = store.commit(draft.puts);
    series.added(draft, durable);
    return durable.then(
      () => void (this.acknowledged = Math.max(this.acknowledged, draft.to)),
      () => undefined,
    );
  }

  /** Why what is kept is not what was given, or undefined. Every number is kept or counted. */
  async wrong(): Promise<string | undefined> {
    const { series } = this;
    if (series === undefined) return 'not open';
    if (series.last < this.acknowledged)
      return `${this.acknowledged} was acknowledged, the last is ${series.last}`;
    let [kept, before] = [0, 0];
    for (;;) {
      const stretch = await series.read(before);
      if (stretch === undefined) break;
      for (const { n, time, text } of stretch.rows) {
        const row = this.given.get(n);
        if (n <= before) return `row ${n} comes behind ${before}`;
        if (row?.time !== time || row.text !== text) return `row ${n} is ${time} ${text}`;
        before = n;
        kept++;
      }
    }
    const { lost, rows } = series.stats;
    // Rows that are not durable yet are not read.
    const unread = rows - kept;
    if (kept + unread + lost !== series.last)
      return `${kept} read, ${unread} unread and ${lost} lost of ${series.last}`;
    return undefined;
  }
}

export function randomRows(random: Random, nowMs: number): Omit<SeriesRow, 'n'>[] {
  const count = 1 + Math.floor(random.unit() ** 3 * 12);
  return Array.from({ length: count }, () => ({
    time: Math.max(0, Math.round(nowMs + (random.unit() - 0.3) * 5_000)),
    text: `v ${random.unit()} ${'é'.repeat(Math.floor(random.unit() ** 4 * 90))}`,
  }));
}
