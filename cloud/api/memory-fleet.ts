import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { NO_VERSION, sameVersion, syncState } from '#protocol/twin.js';
import type { Desired, Reported, Value } from '#protocol/twin.js';
import { checkValue } from '#protocol/value-check.js';
import type {
  DeviceView,
  Fleet,
  FleetChange,
  HubPropertyView,
  NodeView,
  SetDesired,
} from '../fleet.js';

/** The fake of the Fleet port: a hub without gateways, in memory. */
export class MemoryFleet implements Fleet {
  readonly #nodes = new Map<string, NodeView>();
  readonly #devices = new Map<DeviceId, DeviceView>();
  readonly #listeners = new Set<(change: FleetChange) => void>();
  #counter = 0;

  putNode(node: NodeView): void {
    this.#nodes.set(node.name, node);
    this.#tell({ kind: 'node', node });
  }

  putDevice(device: DeviceView): void {
    this.#devices.set(device.description.id, device);
    this.#tell({ kind: 'device', device });
  }

  removeDevice(id: DeviceId): void {
    const node = this.#devices.get(id)?.node ?? '';
    this.#devices.delete(id);
    this.#tell({ kind: 'device-removed', node, device: id });
  }

  /** A gateway reported a value; everything else of the property stays. */
  report(id: DeviceId, property: string, value: Value, desiredVersion = NO_VERSION): void {
    const version = { gen: 1, n: ++this.#counter };
    const timestamp = Date.UTC(2026, 0, 1);
    const reported = { version, value, quality: 'good', timestamp, desiredVersion } as const;
    this.#update(id, property, { reported });
  }

  nodes(): readonly NodeView[] {
    return [...this.#nodes.values()];
  }

  node(name: string): NodeView | undefined {
    return this.#nodes.get(name);
  }

  devices(filter: { readonly node?: string } = {}): readonly DeviceView[] {
    return [...this.#devices.values()]
      .filter(({ node }) => filter.node === undefined || node === filter.node)
      .sort((a, b) => (a.description.id < b.description.id ? -1 : 1));
  }

  device(id: DeviceId): DeviceView | undefined {
    return this.#devices.get(id);
  }

  async setDesired(request: SetDesired): Promise<Desired> {
    const { device: id, property: name, ifVersion } = request;
    const device = this.#devices.get(id);
    if (device === undefined) throw new EdgeError('EDGE_NO_DEVICE', `there is no device ${id}`);
    const property = device.properties.find((one) => one.description.name === name);
    if (property === undefined)
      throw new EdgeError('EDGE_NO_PROPERTY', `${id} has no property ${name}`);
    if (property.description.access === 'ReadOnly')
      throw new EdgeError('EDGE_READ_ONLY', `${name} cannot be written`);
    const value = checkValue(property.description, request.value);
    const present = property.desired?.version ?? NO_VERSION;
    if (ifVersion !== undefined && !sameVersion(ifVersion, present))
      throw new EdgeError('EDGE_CONFLICT', `${name} has another version`);
    const desired: Desired = { value, version: { gen: 1, n: ++this.#counter } };
    this.#update(id, name, { desired });
    return Promise.resolve(desired);
  }

  /** Tells watchers of what this fake does not do itself. */
  news(change: FleetChange): void {
    this.#tell(change);
  }

  watch(listener: (change: FleetChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get watchers(): number {
    return this.#listeners.size;
  }

  #update(id: DeviceId, name: string, part: { reported?: Reported; desired?: Desired }): void {
    const device = this.#devices.get(id);
    if (device === undefined) return;
    const properties = device.properties.map((property) => {
      if (property.description.name !== name) return property;
      const { description, storedOnGateway } = property;
      const reported = part.reported ?? property.reported;
      const desired = part.desired ?? property.desired;
      return {
        ...{ description, storedOnGateway },
        ...(reported === undefined ? {} : { reported }),
        ...(desired === undefined ? {} : { desired }),
        ...syncState(reported, desired, true),
      };
    });
    this.#devices.set(id, { ...device, properties });
    const property = properties.find((one) => one.description.name === name);
    if (property !== undefined)
      this.#tell({ kind: 'property', node: device.node, device: id, property });
  }

  #tell(change: FleetChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

/** A device of one writable and one read-only number, for tests and demonstrations. */
export function sampleDevice(id: DeviceId, node: string): DeviceView {
  const property = (name: string, access: 'ReadWrite' | 'ReadOnly'): HubPropertyView => ({
    description: {
      name,
      type: 'float',
      access,
      minimum: 0,
      maximum: 100,
      unit: '%',
      reportCycleMs: 1000,
    },
    storedOnGateway: false,
    state: 'pending',
  });
  return {
    node,
    description: {
      id,
      model: 'meter',
      protocol: 'modbus',
      properties: [property('setpoint', 'ReadWrite'), property('level', 'ReadOnly')].map(
        ({ description }) => description,
      ),
    },
    incarnation: { gen: 1, n: 1 },
    properties: [property('setpoint', 'ReadWrite'), property('level', 'ReadOnly')],
  };
}
