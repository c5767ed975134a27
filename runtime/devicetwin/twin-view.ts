import type { Device, Property } from '#protocol/device.js';
import { NO_VERSION, syncState } from '#protocol/twin.js';
import type { Desired, SyncState } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { propertyKey } from '../metamanager/tables.js';
import type { PropertyView } from './twin-access.js';
import { isUnsent, reportedOf, writeTarget } from './twin-rows.js';
import type { RowReader } from './twin-rows.js';

/** One property as this gateway sees it now. `ageMs`: since it was read, in this process. */
export function propertyView(
  tables: RowReader,
  device: Device,
  property: Property,
  ageMs: number | undefined,
): PropertyView {
  const key = propertyKey(device.id, property.name);
  const row = tables.get('reported', key);
  const reported = row && reportedOf(tables, row, tables.get('identity', 'self')?.gen ?? 0);
  const desired = tables.get('desired', key) ?? documentDesired(property);
  const pending = tables.get('locals', key)?.pending;
  const waiting = pending !== undefined && pending.lost !== true;
  const target = writeTarget(tables, device, property);
  const unwritten = waiting || target?.fromDocument === true;
  const state: { state: SyncState; reason?: string } =
    unwritten && reported?.quality !== 'bad'
      ? { state: 'pending' }
      : syncState(reported, waiting ? undefined : desired, isFresh(property, ageMs));
  return {
    property,
    ...(reported === undefined ? {} : { reported }),
    ...(desired === undefined ? {} : { desired }),
    applied: tables.get('applied', key)?.version ?? NO_VERSION,
    ...(waiting ? { pendingLocal: pending.value } : {}),
    ...state,
    unsent: isUnsent(tables, device.id, property.name),
  };
}

/** Nothing inherited from an earlier process is fresh: it is read again first. */
export function isFresh(property: Property, ageMs: number | undefined): boolean {
  const { staleCycles, staleFloorMs } = GATEWAY_LIMITS;
  return (
    ageMs !== undefined && ageMs <= Math.max(staleCycles * property.reportCycleMs, staleFloorMs)
  );
}

function documentDesired({ desired: value }: Property): Desired | undefined {
  return value === undefined ? undefined : { version: NO_VERSION, value };
}
