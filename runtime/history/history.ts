import { searchSeries } from '#journal/series-query.js';
import { Series } from '#journal/series.js';
import type { SeriesStats } from '#journal/series.js';
import type { NumberRange, SeriesPut } from '#journal/series-tables.js';
import type { Storage } from '#journal/storage-port.js';
import type { Clock } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import type { Log } from '#protocol/log.js';
import { nextNumbers } from '#protocol/numbering.js';
import { encodeSample, samplePrefix } from '#protocol/sample-line.js';
import { keptSample } from '#protocol/history-document.js';
import type { HistoryPage, HistoryQuestion } from '#protocol/history-document.js';
import type { PreparedSamples, SampledReport, SampleKeeper } from '../devicetwin/sample-keeper.js';
import type { DatedReading } from '../devicetwin/twin-event.js';
import { learntBoots } from '../time/time-keeper.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import { HISTORY_LIMITS } from './limits.js';

export interface HistoryOptions {
  readonly meta: MetaStore;
  /** A folder of its own for the older samples. */
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  readonly keep?: 'newest' | 'oldest';
  /** True while history must not be written: the flash budget is exceeded. */
  readonly isShedding?: () => boolean;
  /** Rows and bytes of a block; for simulators. */
  readonly blockRows?: number;
  readonly blockBytes?: number;
}

export interface HistoryStatus {
  /** Samples kept here, whether the hub has them or not. */
  readonly kept: number;
  /** Samples taken since the start of this process. */
  readonly taken: number;
  /** Samples given up before the hub had them, in the life of this store. */
  readonly dropped: number;
  /** Samples that the hub has not acknowledged, those given up included. */
  readonly unsent: number;
  /** Bytes of the blocks on the disk, and what they may be. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Why new samples are not kept now. */
  readonly shedding?: 'flash-budget' | 'full';
  readonly alarm?: SeriesStats['alarm'];
}

/**
 * The samples of this gateway: a report of a property with `history: true` and its sample are one
 * transaction. Numbered by `samples` (sq) of docs/sync-protocol.md section 1; a number without a
 * row is one that was given up (section 4.3). State is never given up for it.
 */
export class History implements SampleKeeper {
  readonly series: Series;
  readonly #options: HistoryOptions;
  #taken = 0;

  private constructor(series: Series, options: HistoryOptions) {
    this.series = series;
    this.#options = options;
  }

  /** Rejects with EDGE_STORAGE when the folder cannot be read. */
  static async open(options: HistoryOptions): Promise<History> {
    const { meta, maxBytes = HISTORY_LIMITS.maxBytes, ...rest } = options;
    const series = await Series.open({
      ...rest,
      name: 'h',
      store: {
        rows: (table) => meta.rows(table),
        commit: (puts) => meta.commit(puts),
      },
      last: meta.numbering('samples').value,
      maxBytes,
    });
    return new History(series, options);
  }

  prepare({ device, life, properties, readings }: SampledReport): PreparedSamples | undefined {
    const wanted = readings.filter(({ property }) => properties.get(property)?.history === true);
    if (wanted.length === 0) return undefined;
    const kept = this.#shedding === undefined ? rowsOf(device, life, wanted) : [];
    const draft = this.series.draft(kept, wanted.length - kept.length);
    const { meta } = this.#options;
    const numbering = nextNumbers(meta.numbering('samples'), meta.boot, wanted.length);
    return {
      puts: [{ table: 'numbering', key: 'samples', row: numbering }, ...draft.puts],
      committed: (durable) => {
        this.#taken += wanted.length;
        this.series.added(draft, durable);
      },
    };
  }

  /** Durable samples of one property by time, oldest first. Rejects with EDGE_STORAGE. */
  async query(question: HistoryQuestion): Promise<HistoryPage> {
    const prefix = samplePrefix(question.device, question.property);
    const { rows, next } = await searchSeries(this.series, { prefix, ...question });
    const learnt = learntBoots(this.#options.meta);
    const samples = rows.flatMap((row) => keptSample(row, learnt) ?? []);
    return next === undefined ? { samples } : { samples, next };
  }

  /**
   * The hub accounts for everything up to `n`, and got `arrived` of it as rows: a loss of this costs
   * nothing but a count.
   */
  acknowledged(n: number, arrived: readonly NumberRange[] = []): void {
    const put: SeriesPut = this.series.consumed(n, arrived);
    this.#options.meta.commitSoon([put]);
  }

  status(): HistoryStatus {
    const { rows, last, consumed, lost, bytes, alarm } = this.series.stats;
    const shedding = this.#shedding;
    return {
      kept: rows,
      taken: this.#taken,
      dropped: lost,
      unsent: Math.max(0, last - consumed),
      bytes,
      maxBytes: this.#options.maxBytes ?? HISTORY_LIMITS.maxBytes,
      ...(shedding === undefined ? {} : { shedding }),
      ...(alarm === undefined ? {} : { alarm }),
    };
  }

  close(): void {
    this.series.close();
  }

  get #shedding(): HistoryStatus['shedding'] {
    if (this.series.isFull) return 'full';
    return this.#options.isShedding?.() === true ? 'flash-budget' : undefined;
  }
}

/** As many as fit beside the state rows. */
function rowsOf(
  device: DeviceId,
  life: number,
  readings: readonly DatedReading[],
): { readonly time: number; readonly text: string }[] {
  const rows: { readonly time: number; readonly text: string }[] = [];
  let chars = 0;
  for (const { property, value, quality, reason, timestamp, taken } of readings) {
    const because = {
      ...(reason === undefined ? {} : { reason }),
      ...(taken === undefined ? {} : { taken }),
    };
    const text = encodeSample({ device, property, life, value, quality, ...because });
    const time = Math.max(0, Math.round(timestamp));
    chars += text.length + String(time).length + 2;
    if (chars > HISTORY_LIMITS.reportChars) break;
    rows.push({ time, text });
  }
  return rows;
}
