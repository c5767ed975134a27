import { GATEWAY_ALARMS } from '../alarms/gateway-alarms.js';
import type { GatewayStatus } from './status.js';

interface Sample {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export const PROMETHEUS_MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The status as metrics in the Prometheus exposition format 0.0.4, without a library. */
export function prometheusText(
  status: GatewayStatus,
  own: Readonly<Record<string, number>>,
): string {
  const lines: string[] = [];
  let named = '';
  for (const { name, type, labels, value } of samplesOf(status, own)) {
    if (name !== named) lines.push(`# TYPE ${name} ${type}`);
    named = name;
    lines.push(`${name}${labelText(labels)} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function samplesOf(status: GatewayStatus, own: Readonly<Record<string, number>>): Sample[] {
  const { hub, store, broker, mappers } = status;
  return [
    gauge('edgetwin_uptime_seconds', status.uptimeMs / 1000),
    gauge('edgetwin_memory_bytes', status.memoryBytes),
    gauge('edgetwin_devices', status.devices),
    gauge('edgetwin_hub_connected', hub.connected ? 1 : 0),
    gauge('edgetwin_hub_epoch', hub.epoch),
    gauge('edgetwin_hub_unsent_rows', hub.unsent),
    gauge('edgetwin_hub_in_flight_messages', hub.inFlight),
    counter('edgetwin_hub_reconnects_total', hub.reconnects),
    ...(hub.connected ? [gauge('edgetwin_hub_transport', 1, { transport: hub.transport })] : []),
    ...optionalGauge('edgetwin_hub_round_trip_ms', hub.link?.rttMs),
    ...optionalGauge('edgetwin_hub_link_loss', hub.link?.loss),
    ...optionalGauge('edgetwin_hub_link_loss_in', hub.link?.lossIn),
    ...optionalGauge('edgetwin_hub_link_sent_ratio', hub.link?.redundancy),
    ...optionalGauge('edgetwin_hub_link_sent_per_delivered', hub.link?.sentPerDelivered),
    ...optionalGauge('edgetwin_hub_link_moves', hub.link?.moves),
    ...Object.entries(hub.link?.dropped ?? {}).map(([why, value]) =>
      counter('edgetwin_hub_link_dropped_total', value, { why }),
    ),
    counter('edgetwin_store_commits_total', store.commits),
    counter('edgetwin_store_syncs_total', store.syncs),
    counter('edgetwin_store_written_bytes_total', store.bytesWritten),
    gauge('edgetwin_flash_day_written_bytes', store.flash.day.bytes),
    gauge('edgetwin_flash_day_block_bytes', store.flash.dayFlashBytes),
    gauge('edgetwin_flash_day_syncs', store.flash.day.syncs),
    gauge('edgetwin_flash_budget_bytes', store.flash.budgetBytes ?? 0),
    ...(['saving', 'exceeded'] as const).map((state) =>
      gauge('edgetwin_flash_state', store.flash.state === state ? 1 : 0, { state }),
    ),
    gauge('edgetwin_store_alarm', store.alarm === undefined ? 0 : 1),
    gauge('edgetwin_store_warning', store.warning === undefined ? 0 : 1),
    gauge('edgetwin_store_damaged_files', store.damage.length),
    ...Object.entries(countBy(status.alarms)).map(([code, count]) =>
      gauge('edgetwin_alarm', count, { code }),
    ),
    gauge('edgetwin_undelivered', status.undelivered.total),
    gauge('edgetwin_broker_clients', broker.clients),
    ...Object.entries(broker.counters).map(([name, value]) =>
      counter('edgetwin_broker_events_total', value, { event: name }),
    ),
    ...historySamples(status.history),
    ...optionalGauge('edgetwin_forward_connections', status.forward?.open),
    ...(['opened', 'refused', 'dropped'] as const).flatMap((event) =>
      status.forward === undefined
        ? []
        : [counter('edgetwin_forward_events_total', status.forward[event], { event })],
    ),
    gauge('edgetwin_commands_open', status.commands?.open ?? 0),
    gauge('edgetwin_commands_kept', status.commands?.kept ?? 0),
    ...Object.entries(status.commands?.counters ?? {}).map(([event, value]) =>
      counter('edgetwin_command_events_total', value, { event }),
    ),
    ...mappers.flatMap(({ protocolName, counters }) =>
      Object.entries(counters).map(([event, value]) =>
        counter('edgetwin_mapper_events_total', value, { protocol: protocolName, event }),
      ),
    ),
    ...mappers.flatMap(({ devices }) =>
      devices.map(({ device, state }) =>
        gauge('edgetwin_device_online', state === 'online' ? 1 : 0, { device }),
      ),
    ),
    ...Object.entries(own).map(([event, value]) =>
      counter('edgetwin_api_events_total', value, { event }),
    ),
  ];
}

function countBy(alarms: GatewayStatus['alarms']): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const code of Object.keys(GATEWAY_ALARMS)) counts[code] = 0;
  for (const { code } of alarms) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

function historySamples(history: GatewayStatus['history']): Sample[] {
  if (history === undefined) return [];
  const { kept, taken, dropped, unsent, bytes, shedding, alarm } = history;
  return [
    gauge('edgetwin_history_samples', kept),
    gauge('edgetwin_history_bytes', bytes),
    gauge('edgetwin_history_unsent_samples', unsent),
    counter('edgetwin_history_taken_samples_total', taken),
    counter('edgetwin_history_dropped_samples_total', dropped),
    gauge('edgetwin_history_shedding', shedding === undefined ? 0 : 1),
    gauge('edgetwin_history_alarm', alarm === undefined ? 0 : 1),
  ];
}

function counter(name: string, value: number, labels?: Sample['labels']): Sample {
  return { name, type: 'counter', value, ...(labels === undefined ? {} : { labels }) };
}

function gauge(name: string, value: number, labels?: Sample['labels']): Sample {
  return { name, type: 'gauge', value, ...(labels === undefined ? {} : { labels }) };
}

function labelText(labels: Sample['labels']): string {
  if (labels === undefined) return '';
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function optionalGauge(name: string, value: number | undefined): Sample[] {
  return value === undefined ? [] : [gauge(name, value)];
}
