import type { Device, DeviceId, Property } from '#protocol/device.js';
import type { ErrorCode } from '#protocol/errors.js';
import type { TableReader } from '../metamanager/transaction.js';
import { hubDevice, unreadable } from './hub-devices.js';

export interface Enlisted {
  readonly device: Device;
  readonly properties: ReadonlyMap<string, Property>;
}

/** The devices that run on this gateway: those of its files, and those of the hub. */
export class Roster {
  readonly devices = new Map<DeviceId, Enlisted>();
  /** Devices that do not run here, with the code of the reason. */
  readonly refused = new Map<DeviceId, ErrorCode>();

  static of(tables: TableReader, own: readonly Device[]): Roster {
    const roster = new Roster();
    for (const device of own)
      if (tables.get('devices', device.id)?.hub === undefined) roster.#add(device);
      else roster.refused.set(device.id, 'EDGE_DEVICE_TAKEN');
    for (const [id, row] of tables.rows('hubDevices')) {
      const error = unreadable(id, row);
      if (error !== undefined) roster.refused.set(id, error.code);
      const device = hubDevice(id, row);
      if (device !== undefined && !roster.devices.has(id)) roster.#add(device);
    }
    return roster;
  }

  #add(device: Device): void {
    const properties = new Map(device.properties.map((property) => [property.name, property]));
    this.devices.set(device.id, { device, properties });
  }
}
