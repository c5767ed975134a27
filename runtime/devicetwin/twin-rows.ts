import type { Device, DeviceDescription, DeviceId, Property } from '#protocol/device.js';
import type { PropertyDescription } from '#protocol/device.js';
import { dated } from '#protocol/taken-at.js';
import { compareVersions, equalValues, NO_VERSION, sameVersion } from '#protocol/twin.js';
import type { Reported, Version } from '#protocol/twin.js';
import { propertyKey, splitKey } from '../metamanager/tables.js';
import type { GatewayTables, ReportedRow } from '../metamanager/tables.js';
import type { TableReader } from '../metamanager/transaction.js';
import type { LocalQueue, Uplink, WriteTarget } from './twin-event.js';

/** What of the tables a reading needs: a transaction or the store itself. */
export type RowReader = Pick<TableReader, 'get'>;

const described = new WeakMap<DeviceDescription, ReadonlyMap<string, PropertyDescription>>();

/** The property as the hub was told of it; undefined when it stays on the gateway. */
export function describedProperty(
  description: DeviceDescription,
  name: string,
): PropertyDescription | undefined {
  let byName = described.get(description);
  if (byName === undefined) {
    byName = new Map(description.properties.map((property) => [property.name, property]));
    described.set(description, byName);
  }
  return byName.get(name);
}

/** The reported row as people see it: one inherited from a backup is uncertain. */
export function reportedOf(tables: RowReader, row: ReportedRow, gen: number): Reported {
  const { n, value, taken, label } = row;
  const learnt = taken && tables.get('time', 'self')?.learnt;
  const stale = row.stale === true;
  const quality = stale ? 'uncertain' : row.quality;
  const reason = stale ? 'EDGE_NOT_READ' : row.reason;
  return {
    version: { gen: row.gen ?? gen, n },
    value,
    quality,
    ...(reason === undefined ? {} : { reason }),
    ...dated(row.timestamp, taken, learnt),
    desiredVersion: label,
  };
}

/** True when the hub should get this row and has not acknowledged it. */
export function isUnsent(tables: RowReader, device: DeviceId, property: string): boolean {
  const key = propertyKey(device, property);
  const row = tables.get('reported', key);
  if (row === undefined) return false;
  const description = tables.get('devices', device)?.description ?? null;
  if (description === null || describedProperty(description, property) === undefined) return false;
  return tables.get('acknowledged', key) !== row.n;
}

/** What the device should hold and does not, or undefined. The document's value comes last. */
export function writeTarget(
  tables: RowReader,
  device: Device,
  property: Property,
): WriteTarget | undefined {
  const key = propertyKey(device.id, property.name);
  const applied = tables.get('applied', key);
  const pending = tables.get('locals', key)?.pending;
  if (pending !== undefined && pending.lost !== true) {
    const { lid, value } = pending;
    if (applied?.lid !== undefined && sameVersion(applied.lid, lid)) return undefined;
    return { version: NO_VERSION, value, lid };
  }
  const desired = tables.get('desired', key);
  if (desired !== undefined) {
    const { version, value } = desired;
    const done = applied?.lid === undefined && applied?.document === undefined;
    if (done && applied !== undefined && sameVersion(applied.version, version)) return undefined;
    return { version, value };
  }
  const value = property.desired;
  if (value === undefined) return undefined;
  const asked = applied?.document;
  if (applied !== undefined && (asked === undefined || equalValues(asked, value))) return undefined;
  return { version: NO_VERSION, value, fromDocument: true };
}

/** The rows of these devices and properties that the hub lacks. */
export function uplinkOf(
  tables: RowReader,
  devices: Iterable<DeviceId>,
  reported: Iterable<string>,
  locals: Iterable<string>,
): Uplink {
  return {
    announcements: [...devices].flatMap((id) => announcement(tables, id)),
    rows: [...reported].flatMap((key) => stateRow(tables, key)),
    locals: [...locals].map((key) => localQueue(tables, key)),
  };
}

/** Everything that the hub lacks. */
export function wholeUplink(tables: TableReader): Uplink {
  const locals = [...tables.rows('locals').keys()];
  return uplinkOf(tables, tables.rows('devices').keys(), tables.rows('reported').keys(), locals);
}

function announcement(tables: RowReader, device: DeviceId): Uplink['announcements'] {
  const row = tables.get('devices', device);
  if (row === undefined || row.hub !== undefined) return [];
  if (tables.get('announced', device) === row.n) return [];
  return [{ device, incarnation: row.incarnation, n: row.n, description: row.description }];
}

function stateRow(tables: RowReader, key: string): Uplink['rows'] {
  const { device, property } = splitKey(key);
  const row = tables.get('reported', key);
  const life = tables.get('devices', device);
  if (row === undefined || life === undefined || !isUnsent(tables, device, property)) return [];
  const { version, ...reported } = reportedOf(tables, row, 0);
  const { incarnation } = life;
  const older = row.gen === undefined ? {} : { gen: row.gen };
  return [{ device, incarnation, property, n: version.n, ...older, ...reported }];
}

function localQueue(tables: RowReader, key: string): LocalQueue {
  const { device, property } = splitKey(key);
  const row: GatewayTables['locals'] | undefined = tables.get('locals', key);
  const writes = [...(row?.lost ?? []), ...(row?.pending === undefined ? [] : [row.pending])];
  const incarnation = tables.get('devices', device)?.incarnation ?? NO_VERSION;
  return { device, incarnation, property, writes };
}

/** Own echo: the desired value came from a local write of this chain or later. */
export function isOwnEcho(origin: Version | undefined, chainStart: Version): boolean {
  return origin !== undefined && compareVersions(origin, chainStart) >= 0;
}
