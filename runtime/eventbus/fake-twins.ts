import type { Device, DeviceId, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { ReportBatch } from '#protocol/mapper-port.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { Value } from '#protocol/twin.js';
import type {
  LocalWrite,
  PropertyView,
  TwinAccess,
  TwinChange,
  TwinView,
} from '../devicetwin/twin-access.js';

/**
 * The fake of TwinAccess for tests of the EventBus: everything in memory, applied at once and
 * "durable" when `settle` says so.
 */
export class FakeTwins implements TwinAccess {
  /** How a report becomes durable; replace it to delay or to fail. */
  settle: () => Promise<void> = () => Promise.resolve();
  readonly reports: ReportBatch[] = [];
  readonly writes: LocalWrite[] = [];
  readonly #twins = new Map<DeviceId, TwinView>();
  readonly #listeners = new Set<(change: TwinChange) => void>();
  #counter = 0;

  addDevice(id: DeviceId, properties: readonly Property[]): void {
    const protocol = { protocolName: 'virtual', configData: {} };
    const device: Device = { id, model: 'm', protocol, properties };
    const views = properties.map((property) => emptyView(property));
    this.#twins.set(id, { device, incarnation: NO_VERSION, properties: views });
    this.#tell({ kind: 'membership', added: [device], removed: [] });
  }

  removeDevice(id: DeviceId): void {
    this.#twins.delete(id);
    this.#tell({ kind: 'membership', added: [], removed: [id] });
  }

  /** As if the hub had sent it. */
  desire(device: DeviceId, property: string, value: Value): void {
    const before = this.#view(device, property);
    const desired = { value, version: { gen: 1, n: ++this.#counter } };
    const view = this.#replace(device, { ...before, desired });
    const changes = [{ ...(before.desired ? { before: before.desired } : {}), view }];
    this.#tell({ kind: 'desired', device, changes, source: 'hub' });
  }

  devices(): readonly TwinView[] {
    return [...this.#twins.values()];
  }

  device(id: DeviceId): TwinView | undefined {
    return this.#twins.get(id);
  }

  async report(batch: ReportBatch, eventId?: string): Promise<void> {
    this.reports.push(batch);
    const changes = batch.readings.map(({ property, appliedVersion, ...reading }) => {
      const before = this.#view(batch.device, property);
      const version = { gen: 1, n: ++this.#counter };
      const reported = { ...reading, version, desiredVersion: appliedVersion };
      const view = this.#replace(batch.device, { ...before, reported, applied: appliedVersion });
      return { ...(before.reported ? { before: before.reported } : {}), view };
    });
    await this.settle();
    const { device } = batch;
    this.#tell({
      kind: 'reported',
      device,
      changes,
      ...(eventId === undefined ? {} : { eventId }),
    });
  }

  async writeLocal(write: LocalWrite, eventId?: string): Promise<{ lid: { gen: 1; n: number } }> {
    this.writes.push(write);
    const before = this.#view(write.device, write.property);
    const lid = { gen: 1, n: ++this.#counter } as const;
    const view = this.#replace(write.device, { ...before, pendingLocal: write.value });
    await this.settle();
    const changes = [{ ...(before.desired ? { before: before.desired } : {}), view }];
    const id = eventId === undefined ? {} : { eventId };
    this.#tell({ kind: 'desired', device: write.device, changes, source: 'local', ...id });
    return { lid };
  }

  subscribe(listener: (change: TwinChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #view(device: DeviceId, property: string): PropertyView {
    const found = this.#twins
      .get(device)
      ?.properties.find((view) => view.property.name === property);
    if (found === undefined) throw new EdgeError('EDGE_NO_PROPERTY', `${device} ${property}`);
    return found;
  }

  #replace(device: DeviceId, changed: PropertyView): PropertyView {
    const twin = this.#twins.get(device);
    if (twin === undefined) throw new EdgeError('EDGE_NO_DEVICE', device);
    const properties = twin.properties.map((view) =>
      view.property.name === changed.property.name ? changed : view,
    );
    this.#twins.set(device, { ...twin, properties });
    return changed;
  }

  #tell(change: TwinChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function emptyView(property: Property): PropertyView {
  return { property, applied: NO_VERSION, state: 'pending', unsent: false };
}

/** A readable and writable property of a fake device. */
export function fakeProperty(name: string, rest: Partial<Property> = {}): Property {
  return {
    name,
    type: 'float',
    access: 'ReadWrite',
    reportCycleMs: 1000,
    collectCycleMs: 1000,
    reportToCloud: true,
    ...rest,
  };
}
