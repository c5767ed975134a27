import type { DesiredRow, HubDeviceRow } from '#protocol/sync-message-desired.js';
import { splitKey } from '../metamanager/tables.js';
import type { TableReader } from '../metamanager/transaction.js';
import { adoptableDevices } from './hub-devices.js';
import { describedProperty } from './twin-rows.js';

/** What a restored hub is told of its own side (docs/sync-protocol.md section 4.7). */
export interface Adoptable {
  readonly rows: readonly DesiredRow[];
  readonly devices: readonly HubDeviceRow[];
}

/** Rows of one device stand together. Properties that stay on the gateway are none of the hub's. */
export function adoptableOf(tables: TableReader): Adoptable {
  const rows: DesiredRow[] = [];
  for (const [key, { version, value, origin, later }] of tables.rows('desired')) {
    const { device, property } = splitKey(key);
    const life = tables.get('devices', device);
    if (life === undefined || life.description === null) continue;
    if (describedProperty(life.description, property) === undefined) continue;
    rows.push({
      ...{ device, incarnation: life.incarnation, property, version, value },
      ...(origin === undefined ? {} : { origin }),
      ...(later === undefined ? {} : { later }),
    });
  }
  rows.sort((a, b) => (a.device === b.device ? 0 : a.device < b.device ? -1 : 1));
  return { rows, devices: adoptableDevices(tables) };
}
