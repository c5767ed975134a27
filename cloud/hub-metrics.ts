import type { StoreStats } from '#journal/store.js';
import type { MetricFamily } from './api/metrics.js';
import type { HubCounters } from './cloudhub/counters.js';
import type { Fleet } from './fleet.js';

/** What the hub counts, as metric families. */
export function hubMetrics(hub: {
  readonly counters: Readonly<HubCounters>;
  readonly store: StoreStats;
  readonly history: { readonly rows: number; readonly bytes: number; readonly alarms: number };
  readonly fleet: Fleet;
}): readonly MetricFamily[] {
  const { counters, store, history, fleet } = hub;
  const nodes = fleet.nodes();
  return [
    gauge('nodes', 'Nodes that ever opened a session.', nodes.length),
    gauge('nodes_online', 'Nodes with a live session.', nodes.filter((node) => node.online).length),
    gauge('devices', 'Devices of all nodes.', sum(nodes.map((node) => node.devices))),
    gauge('storage_alarm', '1 while durability is refused.', store.alarm === undefined ? 0 : 1),
    gauge('storage_damaged_files', 'Copies of damaged files to look at.', store.damage.length),
    gauge('storage_warning', '1 while snapshots fail.', store.warning === undefined ? 0 : 1),
    gauge('journal_bytes', 'Size of the journal.', store.journalBytes),
    gauge(
      'history_samples',
      'Samples kept of nodes that sent or were asked for some.',
      history.rows,
    ),
    gauge('history_bytes', 'Their blocks on the disk.', history.bytes),
    gauge('history_alarms', 'Nodes whose samples cannot be put into blocks.', history.alarms),
    counter('storage_commits_total', 'Transactions.', store.commits),
    counter('storage_syncs_total', 'Syncs of the journal.', store.syncs),
    counter('storage_written_bytes_total', 'Bytes handed to the storage.', store.bytesWritten),
    gauge('flash_day_block_bytes', 'Blocks written in 24 hours.', store.flash.dayFlashBytes),
    gauge('flash_day_syncs', 'Syncs in 24 hours.', store.flash.day.syncs),
    {
      name: 'edgetwin_hub_events_total',
      help: 'What CloudHub counts, by event.',
      type: 'counter',
      samples: Object.entries(counters).map(([event, value]) => ({ labels: { event }, value })),
    },
  ];
}

const gauge = (name: string, help: string, value: number): MetricFamily => ({
  name: `edgetwin_hub_${name}`,
  help,
  type: 'gauge',
  samples: [{ value }],
});

const counter = (name: string, help: string, value: number): MetricFamily => ({
  ...gauge(name, help, value),
  type: 'counter',
});

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
