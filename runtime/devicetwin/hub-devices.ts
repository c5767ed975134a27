import { describeDevice } from '#protocol/device.js';
import type { Device, DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { hubDevicesDigest, readHubDocuments } from '#protocol/hub-device.js';
import type { HubDeviceRow } from '#protocol/sync-message-desired.js';
import { compareVersions, sameVersion } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { splitKey } from '../metamanager/tables.js';
import type { DeviceRow, HubDevice } from '../metamanager/tables.js';
import type { TableReader } from '../metamanager/transaction.js';
import { raiseDesired } from './desired.js';
import type { Draft } from './draft.js';

export const PROPERTY_TABLES = [
  'reported',
  'acknowledged',
  'desired',
  'applied',
  'locals',
] as const;

/**
 * DEVICE of the hub (docs/sync-protocol.md section 4.8): the newest version of each id counts,
 * tombstones too. An id that a file of this gateway has is refused: nothing of it is kept, so that
 * the hub tells it again in the next session.
 */
export function storeHubDevices(draft: Draft, rows: readonly HubDeviceRow[]): void {
  for (const { device, ...row } of rows) {
    const { version, documents } = row;
    const seen = draft.rows.get('hubDevices', device);
    if (seen !== undefined && compareVersions(version, seen.version) <= 0) continue;
    if (isOfFile(draft.rows.get('devices', device))) {
      if (documents === null) reannounce(draft, device);
      continue;
    }
    draft.rows.put({ table: 'hubDevices', key: device, row });
    raiseDesired(draft, version);
    align(draft, device);
  }
  forgetTombstones(draft);
}

/** What an earlier process was told and had no time to carry out; a newer program reads more. */
export function alignHubDevices(draft: Draft): void {
  for (const device of draft.rows.keys('hubDevices')) align(draft, device);
}

/** The device as this gateway runs it; undefined: it ended, or its documents cannot be read here. */
export function hubDevice(id: DeviceId, row: HubDevice): Device | undefined {
  const device = read(id, row);
  return device instanceof EdgeError ? undefined : device;
}

/** Why the documents cannot be read here. */
export function unreadable(id: DeviceId, row: HubDevice): EdgeError | undefined {
  const device = read(id, row);
  return device instanceof EdgeError ? device : undefined;
}

/** Of what HELLO shows. */
export function heldHubDevices(tables: Pick<TableReader, 'rows'>): string | undefined {
  const live = [...tables.rows('hubDevices')].filter(([, { documents }]) => documents !== null);
  return hubDevicesDigest(live.map(([device, { version }]) => ({ device, version })));
}

/** For a hub whose memory went back: all that it ever said here, tombstones too. */
export function adoptableDevices(tables: Pick<TableReader, 'rows'>): HubDeviceRow[] {
  return Array.from(tables.rows('hubDevices'), ([device, row]) => ({ device, ...row }));
}

export function isOfFile(row: DeviceRow | undefined): boolean {
  return row !== undefined && row.description !== null && row.hub === undefined;
}

/** Brings the life of the device to what the hub said last. */
function align(draft: Draft, id: DeviceId): void {
  const told = draft.rows.get('hubDevices', id);
  const row = draft.rows.get('devices', id);
  if (told === undefined || isOfFile(row)) return;
  const device = hubDevice(id, told);
  if (device === undefined) {
    if (row?.hub === undefined) return;
    draft.rows.put({ table: 'devices', key: id, row: null });
    dropRows(draft, id, new Set());
    draft.removed(id);
    return;
  }
  if (row?.hub !== undefined && sameVersion(row.hub, told.version)) return;
  const goesOn = row?.hub !== undefined && sameVersion(row.incarnation, told.incarnation);
  dropRows(draft, id, new Set(goesOn ? device.properties.map(({ name }) => name) : []));
  draft.rows.put({ table: 'announced', key: id, row: null });
  const { version, incarnation } = told;
  draft.device(id, { incarnation, n: 0, description: describeDevice(device), hub: version });
  if (row?.hub !== undefined) draft.removed(id);
  draft.added(id);
}

function dropRows(draft: Draft, id: DeviceId, kept: ReadonlySet<string>): void {
  for (const table of PROPERTY_TABLES)
    for (const key of draft.rows.keys(table)) {
      const { device, property } = splitKey(key);
      if (device === id && !kept.has(property)) draft.rows.put({ table, key, row: null });
    }
}

/** The hub gave the id up: it may take the device of the file now. */
function reannounce(draft: Draft, id: DeviceId): void {
  const row = draft.rows.get('devices', id);
  if (row !== undefined) draft.device(id, { ...row, n: draft.rows.number() });
}

/** The oldest first: late messages about them died with their sessions. */
function forgetTombstones(draft: Draft): void {
  const ended = draft.rows
    .keys('hubDevices')
    .filter((id) => draft.rows.get('hubDevices', id)?.documents === null);
  const surplus = Math.max(0, ended.length - GATEWAY_LIMITS.tombstones);
  for (const id of ended.slice(0, surplus))
    draft.rows.put({ table: 'hubDevices', key: id, row: null });
}

const known = new WeakMap<HubDevice, Device | EdgeError>();

function read(id: DeviceId, row: HubDevice): Device | EdgeError | undefined {
  if (row.documents === null) return undefined;
  let device = known.get(row);
  if (device === undefined) {
    try {
      device = readHubDocuments(id, row.documents);
    } catch (thrown) {
      device = EdgeError.from(thrown, 'EDGE_MALFORMED');
    }
    known.set(row, device);
  }
  return device;
}
