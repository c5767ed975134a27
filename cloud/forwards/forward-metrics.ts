import type { MetricFamily } from '../api/metrics.js';
import type { ForwardDesk } from './forward-desk.js';

/** What became of forwardings since the start. */
export function forwardMetrics(counts: ForwardDesk['counts']): readonly MetricFamily[] {
  const { open, ...events } = counts;
  return [
    {
      name: 'edgetwin_hub_forwards',
      help: 'Forwardings that are open.',
      type: 'gauge',
      samples: [{ value: open }],
    },
    {
      name: 'edgetwin_hub_forward_events_total',
      help: 'Forwardings opened and refused; datagrams dropped because a gateway’s stream was full.',
      type: 'counter',
      samples: Object.entries(events).map(([event, value]) => ({ labels: { event }, value })),
    },
  ];
}
