import { describeDevice } from '#protocol/device.js';
import type { Device, DeviceDescription, DeviceId } from '#protocol/device.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { splitKey } from '../metamanager/tables.js';
import type { Draft } from './draft.js';
import { alignHubDevices, hubDevice, PROPERTY_TABLES } from './hub-devices.js';

/**
 * The devices of the configuration, all of them (docs/sync-protocol.md section 4.8): a new one
 * begins a life, a changed one is announced again, one that is gone leaves a tombstone, and one
 * that comes back begins another life. A device of the hub stands against one of a file that came
 * later. No row outlives the life or the property it belongs to.
 */
export function configure(draft: Draft, devices: readonly Device[]): void {
  const kept = new Map(
    devices.map((device) => [device.id, new Set(device.properties.map(({ name }) => name))]),
  );
  for (const device of devices) present(draft, device);
  for (const id of draft.rows.keys('devices')) if (!kept.has(id)) gone(draft, id);
  alignHubDevices(draft);
  for (const id of draft.rows.keys('hubDevices')) {
    const row = draft.rows.get('hubDevices', id);
    const device = row && draft.rows.get('devices', id)?.hub && hubDevice(id, row);
    if (device) kept.set(id, new Set(device.properties.map(({ name }) => name)));
  }
  for (const table of PROPERTY_TABLES) {
    for (const key of draft.rows.keys(table)) {
      const { device, property } = splitKey(key);
      if (kept.get(device)?.has(property) !== true) draft.rows.put({ table, key, row: null });
    }
  }
  forgetTombstones(draft);
}

function present(draft: Draft, device: Device): void {
  const description = describeDevice(device);
  const before = draft.rows.get('devices', device.id);
  if (before?.hub !== undefined) return;
  if (before === undefined || before.description === null) {
    // Also above the lives that the hub gave this id: a late message must not fit two of them.
    const n = draft.rows.number(draft.rows.get('hubDevices', device.id)?.incarnation.n);
    const { gen } = draft.rows.identity();
    draft.device(device.id, { incarnation: { gen, n }, n, description });
    draft.added(device.id);
  } else if (!sameDescription(before.description, description)) {
    const n = draft.rows.number();
    draft.device(device.id, { incarnation: before.incarnation, n, description });
  }
}

function gone(draft: Draft, id: DeviceId): void {
  const row = draft.rows.get('devices', id);
  if (row === undefined || row.description === null || row.hub !== undefined) return;
  draft.device(id, { incarnation: row.incarnation, n: draft.rows.number(), description: null });
  draft.removed(id);
}

/** Numbers never restart, so a forgotten tombstone of our own cannot revive anything. */
function forgetTombstones(draft: Draft): void {
  const tombstones = draft.rows
    .keys('devices')
    .filter((id) => draft.rows.get('devices', id)?.description === null);
  let surplus = tombstones.length - GATEWAY_LIMITS.tombstones;
  for (const id of tombstones) {
    if (surplus <= 0) return;
    if (draft.rows.get('announced', id) !== draft.rows.get('devices', id)?.n) continue;
    draft.rows.put({ table: 'devices', key: id, row: null });
    draft.rows.put({ table: 'announced', key: id, row: null });
    surplus--;
  }
}

/** Both come from `describeDevice`, which always writes in one order. */
function sameDescription(a: DeviceDescription, b: DeviceDescription): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
