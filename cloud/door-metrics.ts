import type { DoorStats } from '#tunnel/transport.js';
import type { MetricFamily } from './api/metrics.js';

type Samples = MetricFamily['samples'];

/** What the doors for gateways count, as metric families with a label for the transport. */
export function doorMetrics(doors: readonly DoorStats[]): readonly MetricFamily[] {
  const each = (value: (door: DoorStats) => number | undefined): Samples =>
    doors.flatMap((door) => {
      const found = value(door);
      return found === undefined ? [] : [{ labels: { transport: door.transport }, value: found }];
    });
  const events = doors.flatMap(({ transport, events: counts }) =>
    Object.entries(counts).map(([event, value]) => ({ labels: { transport, event }, value })),
  );
  const ways = doors.flatMap(({ transport, traffic }) =>
    traffic === undefined
      ? []
      : [
          { labels: { transport, way: 'out' }, value: traffic.sentPackets },
          { labels: { transport, way: 'in' }, value: traffic.receivedPackets },
          { labels: { transport, way: 'forged' }, value: traffic.forgedPackets },
          { labels: { transport, way: 'replayed' }, value: traffic.replayedPackets },
        ],
  );
  const rows = doors.flatMap(({ transport, traffic }) =>
    Object.entries(traffic?.droppedRows ?? {}).map(([why, value]) => ({
      labels: { transport, why },
      value,
    })),
  );
  return [
    gauge(
      'connections',
      'Connections of gateways.',
      each((door) => door.connections),
    ),
    gauge(
      'handshakes',
      'Handshakes under way.',
      each((door) => door.handshakes),
    ),
    counter('events_total', 'What the doors let in and refused.', events),
    counter('packets_total', 'Packets of sessions; forged and replayed ones unread.', ways),
    counter('dropped_rows_total', 'Coded rows that could not be used.', rows),
    counter(
      'sent_bytes_total',
      'IP bytes sent to gateways.',
      each(({ traffic }) => traffic?.sentBytes),
    ),
    counter(
      'delivered_bytes_total',
      'Payload that gateways have confirmed.',
      each(({ traffic }) => traffic?.deliveredBytes),
    ),
    gauge(
      'sent_per_delivered',
      'IP bytes sent per byte of payload that was confirmed.',
      each(({ traffic }) =>
        traffic === undefined || traffic.deliveredBytes === 0
          ? undefined
          : traffic.sentBytes / traffic.deliveredBytes,
      ),
    ),
    gauge(
      'receive_buffer_bytes',
      'What the kernel gave; small ones lose bursts.',
      each((door) => door.receiveBufferBytes),
    ),
  ];
}

function gauge(name: string, help: string, samples: Samples): MetricFamily {
  return { name: `edgetwin_hub_tunnel_${name}`, help, type: 'gauge', samples };
}

function counter(name: string, help: string, samples: Samples): MetricFamily {
  return { ...gauge(name, help, samples), type: 'counter' };
}
