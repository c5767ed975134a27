import { EMPTY_HISTORY } from '#cloud/history/judge-samples.js';
import type { HistoryShelf } from '#cloud/store/embedded-hub-store.js';
import type { SeriesDraft } from '#journal/series.js';
import { splitRows } from '#journal/series-text.js';
import type { SeriesRow } from '#journal/series-text.js';
import type { DeviceId } from '#protocol/device.js';
import { decodeSample } from '#protocol/sample-line.js';
import type { Gateway } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import type { Breach, Checker, Checks } from './checker.js';
import { HubRows } from './rows.js';

/** A sample is known by property and timestamp: no two readings of a world share one. */
type SampleName = string;

interface Taken {
  /** Acknowledged readings of properties with history, in order. */
  readonly acknowledged: SampleName[];
  /** Restored, cloned or on a new card: some samples are gone, some may come twice. */
  isForked: boolean;
}

/**
 * I5: each sample up to the hub's cursor was applied or counted as dropped or rejected, once. P1:
 * each acknowledged sample is one of these in the end. P5: samples of a property stand in order.
 */
export class Samples implements Checker {
  readonly #checks: Checks;
  readonly #taken = new Map<Gateway, Taken>();
  /** By node: what the hub keeps, by its own numbers. */
  readonly #kept = new Map<string, Map<number, SampleName>>();
  /** The hub was restored: it counts some of what it had counted again. */
  #isHubForked = false;

  constructor(checks: Checks) {
    this.#checks = checks;
    checks.world.histories = (shelf) => this.#watched(shelf);
  }

  acknowledged(gateway: Gateway, device: DeviceId, property: string, timestamp: number): void {
    const isKept = gateway.devices.some(
      ({ id, properties }) =>
        id === device && properties.some(({ name, history }) => name === property && history),
    );
    if (isKept) this.#of(gateway).acknowledged.push(`${device} ${property} ${timestamp}`);
  }

  /** What survived a crash without an acknowledgement counts as well. */
  hubStarted({ histories }: HubProgram): void {
    this.#kept.clear();
    for (const { node } of this.#checks.world.all)
      void histories.open(node).then(async (series) => {
        for (let at = 0; ;) {
          const stretch = await series.read(at);
          if (stretch === undefined) return;
          for (const row of stretch.rows) this.#add(node, row);
          at = stretch.to;
        }
      });
  }

  forget(gateway: Gateway): void {
    this.#of(gateway).isForked = true;
  }

  forgetHub(): void {
    this.#isHubForked = true;
  }

  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const gateway of gateways) {
      const breach = this.#judge(gateway);
      if (breach !== undefined) return breach;
    }
    return undefined;
  }

  #judge(gateway: Gateway): Breach | undefined {
    const { program, node } = gateway;
    const hub = HubRows.of(this.#checks.world, node);
    if (program === undefined || hub === undefined) return undefined;
    const numbering = program.meta.numbering('samples').value;
    const { lineage } = program.meta.identity();
    const cursor = hub.rows.get('lineages', `${node}\n${lineage}`)?.samplesStored ?? 0;
    const { stats } = program.history.series;
    const account = hub.rows.get('histories', node) ?? EMPTY_HISTORY;
    const { applied, dropped, rejected } = account;
    const facts = { numbering, cursor, ...stats, applied, dropped, rejected };
    if (cursor !== numbering) return { name: 'P1 samples are unsent', where: node, facts };
    const kept = [...(this.#kept.get(node) ?? new Map<number, SampleName>()).entries()]
      .sort(([a], [b]) => a - b)
      .map(([, name]) => name);
    if (kept.length !== applied)
      return { name: 'I5 applied', where: node, facts: { kept: kept.length, ...facts } };
    const taken = this.#of(gateway);
    this.#checks.count('samples', kept.length);
    this.#checks.count('samplesDropped', dropped);
    this.#checks.count('samplesRejected', rejected);
    if (taken.isForked || this.#checks.world.cloned.has(node)) return undefined;
    if (applied + dropped + rejected !== cursor) return { name: 'I5 sum', where: node, facts };
    if (!this.#isHubForked) {
      // The gateway also counts what the hub had, when it could not know that yet.
      if (dropped > stats.lost) return { name: 'I5 dropped by nobody', where: node, facts };
      const early = account.letters.filter(({ code }) => code === 'EDGE_NO_DEVICE');
      if (early.length > 0)
        return { name: 'I5 samples ahead of their device', where: node, facts: { early } };
    }
    const latest = new Map<string, number>();
    for (const name of kept) {
      const space = name.lastIndexOf(' ');
      const [property, at] = [name.slice(0, space), Number(name.slice(space + 1))];
      if (at <= (latest.get(property) ?? 0))
        return { name: 'P5 samples in order', where: name, facts };
      latest.set(property, at);
    }
    const present = new Set(kept);
    const missing = taken.acknowledged.filter((name) => !present.has(name));
    // What was never acknowledged may be kept or dropped as well.
    if (missing.length > dropped + rejected)
      return {
        name: 'P1 acknowledged samples',
        where: node,
        facts: { missing: missing.slice(0, 8), count: missing.length, ...facts },
      };
    return undefined;
  }

  #watched(shelf: HistoryShelf): HistoryShelf {
    const open: HistoryShelf['open'] = async (node) => {
      const series = await shelf.open(node);
      return {
        get isFull() {
          return series.isFull;
        },
        draft: (rows) => series.draft(rows),
        added: (draft, durable) => {
          series.added(draft, durable);
          // What a failing disk refuses stays in memory, and is durable when it is well again.
          const add = (): void => this.#addDraft(node, draft);
          durable.then(add, add);
        },
      };
    };
    return { open };
  }

  #addDraft(node: string, { entry, puts }: SeriesDraft): void {
    const put = puts.find(({ table }) => table === 'series');
    if (entry === undefined || put?.table !== 'series' || put.row === null) return;
    for (const row of splitRows(put.row, entry.from, 0)) this.#add(node, row);
  }

  #add(node: string, { n, time, text }: SeriesRow): void {
    const sample = decodeSample(text);
    const kept = this.#kept.get(node) ?? new Map<number, SampleName>();
    this.#kept.set(node, kept);
    kept.set(n, sample === undefined ? text : `${sample.device} ${sample.property} ${time}`);
  }

  #of(gateway: Gateway): Taken {
    let taken = this.#taken.get(gateway);
    if (taken === undefined)
      this.#taken.set(gateway, (taken = { acknowledged: [], isForked: false }));
    return taken;
  }
}
