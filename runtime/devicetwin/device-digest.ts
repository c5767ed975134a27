import type { DeviceId } from '#protocol/device.js';
import { digestRows } from '#protocol/digest.js';
import type { DigestRow } from '#protocol/digest.js';
import type { DeviceDigest } from '#protocol/sync-message.js';
import { propertyKey } from '../metamanager/tables.js';
import { isUnsent } from './twin-rows.js';
import type { RowReader } from './twin-rows.js';

/**
 * The digest of a device that the hub may judge, or undefined while it may not: something is
 * unsent, was inherited from a backup, or a local write is undecided (docs/sync-protocol.md
 * section 4.9).
 */
export function deviceDigest(tables: RowReader, device: DeviceId): DeviceDigest | undefined {
  const row = tables.get('devices', device);
  if (row === undefined || row.description === null) return undefined;
  if (row.hub === undefined && tables.get('announced', device) !== row.n) return undefined;
  const gen = tables.get('identity', 'self')?.gen ?? 0;
  const reported: DigestRow[] = [];
  const desired: DigestRow[] = [];
  for (const { name: property } of row.description.properties) {
    const key = propertyKey(device, property);
    const report = tables.get('reported', key);
    if (report?.stale === true || tables.get('locals', key) !== undefined) return undefined;
    if (isUnsent(tables, device, property)) return undefined;
    if (report !== undefined)
      reported.push({ property, version: { gen, n: report.n }, value: report.value });
    const want = tables.get('desired', key);
    if (want !== undefined) desired.push({ property, version: want.version, value: want.value });
  }
  return {
    device,
    incarnation: row.incarnation,
    reported: digestRows(reported),
    desired: digestRows(desired),
  };
}
