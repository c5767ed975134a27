import type { Registry } from 'prom-client';

/** A measure that other parts of the hub keep, read at each scrape. */
export interface MetricFamily {
  /** `edgetwin_hub_...`, with its unit last; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** Renders the hub's families and Node's own metrics; the library is loaded at the first scrape. */
export class MetricsPage {
  readonly #families: () => readonly MetricFamily[];
  #process: Promise<Registry> | undefined;

  constructor(families: () => readonly MetricFamily[]) {
    this.#families = families;
  }

  /** The text and its media type, in the Prometheus exposition format. */
  async render(): Promise<{ readonly text: string; readonly mediaType: string }> {
    const { Counter, Gauge, Registry } = await import('prom-client');
    const own = new Registry();
    for (const { name, help, type, samples } of this.#families()) {
      const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels ?? {})))];
      const Metric = type === 'counter' ? Counter : Gauge;
      const metric = new Metric({ name, help, labelNames, registers: [own] });
      for (const { labels, value } of samples) metric.inc(labels ?? {}, value);
    }
    const all = Registry.merge([own, await (this.#process ??= processMetrics())]);
    return { text: await all.metrics(), mediaType: all.contentType };
  }
}

async function processMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
