import type { PropertyDescription } from '#protocol/device.js';
import { sameVersion, syncState } from '#protocol/twin.js';
import type { Desired, Version } from '#protocol/twin.js';
import { plainDesired } from '../cloudhub/desired-values.js';
import type { NodeLoop } from '../cloudhub/node-loop.js';
import type {
  ConflictView,
  DeviceView,
  HubPropertyView,
  NodeHistoryView,
  NodeView,
} from '../fleet.js';
import { liveDevices } from '../store/node-rows.js';
import type { LiveDevice, NodeRows } from '../store/node-rows.js';
import { propertyKey } from '../store/tables.js';
import type { HistoryRow } from '../store/tables.js';
import type { Freshness } from './freshness.js';

/** A node as people see it; undefined before its first session. */
export function nodeView(loop: NodeLoop): NodeView | undefined {
  const { rows } = loop.machine;
  const row = rows.get('nodes', loop.name);
  if (row === undefined) return undefined;
  const { session, lastHeardMs } = loop;
  const history = rows.get('histories', loop.name);
  const link = session?.link?.();
  return {
    name: loop.name,
    online: session !== undefined,
    ...(session === undefined ? {} : { address: session.address, transport: session.transport }),
    ...(link === undefined ? {} : { link }),
    ...(row.software === '' ? {} : { software: row.software }),
    epoch: row.epoch,
    devices: liveDevices(rows).length,
    ...(lastHeardMs === undefined ? {} : { lastHeard: lastHeardMs }),
    ...(history === undefined ? {} : { history: historyView(history) }),
    alarms: row.alarms.map(({ code, detail }) => ({ code, detail })),
  };
}

function historyView({ applied, dropped, rejected, letters }: HistoryRow): NodeHistoryView {
  const refusals = letters.map(({ device, property, code, at }) => ({
    device,
    property,
    code,
    at,
  }));
  return { applied, dropped, rejected, refusals };
}

export function deviceView(
  loop: NodeLoop,
  device: LiveDevice,
  freshness: Freshness,
  nowMs: number,
): DeviceView {
  const { description, incarnation, hub: version } = device;
  const storedOnGateway = version !== undefined && loop.machine.isDeviceStored(description.id);
  return {
    node: loop.name,
    description,
    incarnation,
    ...(version === undefined ? {} : { hub: { version, storedOnGateway } }),
    properties: description.properties.map((property) =>
      propertyView(loop, device, property, freshness, nowMs),
    ),
  };
}

/** Durable rows only; in-sync and fresh by the rules of docs/sync-protocol.md section 4.4. */
export function propertyView(
  loop: NodeLoop,
  device: LiveDevice,
  description: PropertyDescription,
  freshness: Freshness,
  nowMs: number,
): HubPropertyView {
  const { rows } = loop.machine;
  const key = propertyKey(loop.name, device.description.id, description.name);
  const reported = rows.get('reported', key);
  const record = rows.get('desired', key);
  const desired = record === undefined ? undefined : plainDesired(record);
  const ref = { node: loop.name, device: device.description.id, property: description.name };
  const ageMs = reported === undefined ? undefined : freshness.ageMs(ref, nowMs);
  const conflict = desired === undefined ? undefined : conflictOf(rows, key, desired.version);
  return {
    description,
    ...(reported === undefined ? {} : { reported }),
    ...(desired === undefined ? {} : { desired }),
    storedOnGateway: desired !== undefined && loop.machine.isStored(key, desired.version),
    ...(isUnsettled(loop, desired)
      ? { state: 'pending' as const }
      : syncState(reported, desired, freshness.isFresh(ref, nowMs))),
    ...(ageMs === undefined ? {} : { ageMs }),
    ...(conflict === undefined ? {} : { conflict }),
  };
}

/**
 * Written after this hub was restored, under a number that its gateway may have stored for another
 * value: nothing that is reported speaks of it before it has got a new one.
 */
function isUnsettled({ machine, name }: NodeLoop, desired: Desired | undefined): boolean {
  const node = machine.rows.get('nodes', name);
  if (desired === undefined || node === undefined || node.adoptMark === null) return false;
  const { gen, n } = desired.version;
  return n > node.adoptMark && gen < node.hubGen;
}

/** The newest local write that lost against this very version; a later decision answers it. */
function conflictOf(rows: NodeRows, key: string, version: Version): ConflictView | undefined {
  let newest: ConflictView | undefined;
  for (const conflict of rows.all('conflicts').values()) {
    const { device, property, lid, base, local, cloud, at } = conflict;
    if (propertyKey(rows.name, device, property) !== key) continue;
    if (sameVersion(cloud.version, version)) newest = { local, lid, base, at };
  }
  return newest;
}
