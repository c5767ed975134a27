import { HUB_LIMITS } from '../limits.js';
import type { Alarm, NodeRow } from '../store/tables.js';

/** The same alarm again replaces the older one. Beyond the limit the oldest is forgotten. */
export function withAlarm(node: NodeRow, alarm: Alarm): NodeRow {
  const others = node.alarms.filter(
    (other) => other.code !== alarm.code || other.detail !== alarm.detail,
  );
  return { ...node, alarms: [...others, alarm].slice(-HUB_LIMITS.alarmsPerNode) };
}

export function hasAlarm(node: NodeRow, { code, detail }: Omit<Alarm, 'at'>): boolean {
  return node.alarms.some((alarm) => alarm.code === code && alarm.detail === detail);
}
