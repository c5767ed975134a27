import type { DesiredRecord } from '#cloud/store/tables.js';
import { deviceKey, propertyKey as hubPropertyKey } from '#cloud/store/tables.js';
import type { DeviceRow as HubDeviceRow } from '#cloud/store/tables.js';
import type { NodeRows } from '#cloud/store/node-rows.js';
import type { DeviceDescription, DeviceId } from '#protocol/device.js';
import type { Reported } from '#protocol/twin.js';
import type { World } from '../world.js';

/** One property of a device of a gateway, and its key in either end's tables. */
export interface PropertyName {
  readonly device: DeviceId;
  readonly property: string;
  /** As the gateway's tables have it. */
  readonly key: string;
}

/** What the hub holds durably of a node: straight from its rows, since views cost time. */
export class HubRows {
  readonly #rows: NodeRows;

  constructor(rows: NodeRows) {
    this.#rows = rows;
  }

  static of(world: World, node: string): HubRows | undefined {
    const loop = world.hub.program?.loop(node);
    return loop && new HubRows(loop.machine.rows);
  }

  get rows(): NodeRows {
    return this.#rows;
  }

  device(id: DeviceId): HubDeviceRow | undefined {
    return this.#rows.get('devices', deviceKey(this.#rows.name, id));
  }

  reported({ device, property }: PropertyName): Reported | undefined {
    return this.#rows.get('reported', hubPropertyKey(this.#rows.name, device, property));
  }

  desired({ device, property }: PropertyName): DesiredRecord | undefined {
    return this.#rows.get('desired', hubPropertyKey(this.#rows.name, device, property));
  }
}

/** Devices that were created at the hub and live there. */
export function hubDevicesOf(rows: NodeRows): readonly DeviceDescription[] {
  return [...rows.all('devices').values()].flatMap(({ description, hub }) =>
    description === null || hub === undefined ? [] : [description],
  );
}

const names = new WeakMap<object, readonly PropertyName[]>();

/** All properties of the devices of a configuration. */
export function propertiesOf(
  devices: readonly { readonly id: DeviceId; readonly properties: readonly { name: string }[] }[],
): readonly PropertyName[] {
  let known = names.get(devices);
  if (known === undefined) {
    known = devices.flatMap(({ id, properties }) =>
      properties.map(({ name }) => ({ device: id, property: name, key: `${id}/${name}` })),
    );
    names.set(devices, known);
  }
  return known;
}
