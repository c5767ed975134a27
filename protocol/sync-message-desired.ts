import type { DeviceId } from './device.js';
import type { Value, Version } from './twin.js';

/** h>g: what this session's gateway lacks, newest only. Answered by Stored. */
export interface DesiredState {
  readonly kind: 'desired';
  readonly epoch: number;
  readonly id: number;
  readonly rows: readonly DesiredRow[];
}

export interface DesiredRow {
  readonly device: DeviceId;
  readonly incarnation: Version;
  readonly property: string;
  readonly version: Version;
  readonly value: Value;
  /** Id of the local write that became this value. */
  readonly origin?: Version;
  /**
   * The value has been the same since this version: it was only given new numbers, by a repair or
   * an adoption, so a local write based on an older one of them has lost against nobody.
   */
  readonly since?: Version;
  /** What only a newer peer understands, at most LIMITS.laterChars of JSON. */
  readonly later?: readonly unknown[];
}

/** h>g: devices that the hub created or deleted, newest only. Answered by Stored. */
export interface HubDevices {
  readonly kind: 'devices';
  readonly epoch: number;
  readonly id: number;
  readonly rows: readonly HubDeviceRow[];
}

export interface HubDeviceRow {
  readonly device: DeviceId;
  /** Numbered with desired values; of a creation also the incarnation. */
  readonly version: Version;
  /** When this life began: `version` of the creation. */
  readonly incarnation: Version;
  /** KubeEdge documents of the device and its model, YAML or JSON; null is a tombstone. */
  readonly documents: string | null;
  /** What only a newer peer understands, at most LIMITS.laterChars of JSON. */
  readonly later?: readonly unknown[];
}

/**
 * g>h, asked for by Welcome.adopt: what this gateway holds of the hub's side, for a hub whose
 * memory went back (docs/sync-protocol.md section 4.7). In chunks, each answered by Ack; the hub
 * sends nothing desired before it has the `last` one.
 */
export interface Adopt {
  readonly kind: 'adopt';
  readonly epoch: number;
  readonly id: number;
  readonly rows: readonly DesiredRow[];
  readonly devices: readonly HubDeviceRow[];
  readonly last: boolean;
}
