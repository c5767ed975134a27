import type { Device, DeviceId, Property } from '#protocol/device.js';
import type { ReportBatch } from '#protocol/mapper-port.js';
import type { Desired, Reported, SyncState, Value, Version } from '#protocol/twin.js';

/** What EventBus, MetaServer and the mapper host may do with the DeviceTwins. */
export interface TwinAccess {
  devices(): readonly TwinView[];
  device(id: DeviceId): TwinView | undefined;
  /**
   * Applies readings at once, in call order, and resolves when they are durable. Rejects with
   * EDGE_NO_DEVICE, EDGE_NO_PROPERTY, EDGE_TYPE, EDGE_LIMIT (nothing applied) or EDGE_STORAGE.
   * `eventId` comes back in the changes that it causes.
   */
  report(batch: ReportBatch, eventId?: string): Promise<void>;
  /**
   * A local write of desired state, also while offline (docs/sync-protocol.md section 4.5).
   * Resolves when durable on this gateway. Rejects as `report`, and with EDGE_RANGE or EDGE_READ_ONLY.
   */
  writeLocal(write: LocalWrite, eventId?: string): Promise<{ readonly lid: Version }>;
  /** Changes in order, each only after it is durable. Returns the way to stop listening. */
  subscribe(listener: (change: TwinChange) => void): () => void;
}

export interface LocalWrite {
  readonly device: DeviceId;
  readonly property: string;
  readonly value: Value;
  /** Who asked, for people: `cli`, `mqtt:<client id>`. */
  readonly actor: string;
}

export interface TwinView {
  readonly device: Device;
  readonly incarnation: Version;
  readonly properties: readonly PropertyView[];
}

export interface PropertyView {
  readonly property: Property;
  readonly reported?: Reported;
  readonly desired?: Desired;
  /** The last write that ended at the device. */
  readonly applied: Version;
  /** A local write that the hub has not decided on yet. */
  readonly pendingLocal?: Value;
  /** As this gateway sees it; the hub's own view decides in the cloud. */
  readonly state: SyncState;
  readonly reason?: string;
  /** True while the hub has not acknowledged the newest report. */
  readonly unsent: boolean;
}

export type TwinChange =
  | {
      readonly kind: 'reported';
      readonly device: DeviceId;
      readonly changes: readonly { readonly before?: Reported; readonly view: PropertyView }[];
      readonly eventId?: string;
    }
  | {
      readonly kind: 'desired';
      readonly device: DeviceId;
      readonly changes: readonly { readonly before?: Desired; readonly view: PropertyView }[];
      readonly source: 'hub' | 'local';
      readonly eventId?: string;
    }
  | {
      readonly kind: 'membership';
      readonly added: readonly Device[];
      readonly removed: readonly DeviceId[];
    };
