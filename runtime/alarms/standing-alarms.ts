import type { GatewayStatus } from '../metaserver/status.js';
import type { GatewayAlarm } from './gateway-alarms.js';

/** Conditions that are alarms while they last. */
export function standingAlarms(
  status: Pick<GatewayStatus, 'fallback' | 'hub' | 'store' | 'history' | 'refusedDevices'>,
): readonly GatewayAlarm[] {
  const { hub, store, history, refusedDevices } = status;
  const alarms: GatewayAlarm[] = [];
  if (status.fallback !== undefined)
    alarms.push({
      code: 'EDGE_CONFIG',
      detail: `the last one that worked is in force: ${status.fallback}`,
    });
  if (store.alarm !== undefined) alarms.push({ code: 'EDGE_STORAGE', detail: store.alarm.message });
  if (history?.alarm !== undefined)
    alarms.push({ code: 'EDGE_STORAGE', detail: `history: ${history.alarm.message}` });
  for (const { file, message } of store.damage)
    alarms.push({ code: 'EDGE_STORAGE_CORRUPT', detail: `${message} (copy: ${file})` });
  if (hub.held !== undefined) {
    const { reason } = hub.held;
    const code = reason === 'unsupported' ? 'EDGE_VERSION_SKEW' : 'EDGE_SUPERSEDED';
    alarms.push({ code, detail: `the hub said ${reason}` });
  }
  const refused = { ...refusedDevices, ...hub.refused };
  for (const [device, code] of Object.entries(refused))
    alarms.push({ code: 'EDGE_DEVICE_TAKEN', detail: `${device}: ${code}` });
  return alarms.slice(0, STANDING_MAX);
}

/** More would hide each other. */
const STANDING_MAX = 64;
