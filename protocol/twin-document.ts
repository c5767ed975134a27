import type {
  AccessMode,
  DeviceDescription,
  DeviceId,
  Method,
  PropertyDescription,
} from './device.js';
import { formatVersion } from './twin.js';
import type { Desired, Quality, Reported, SyncState, TimeQuality, Value } from './twin.js';

/**
 * A twin as JSON: what the REST interfaces of the hub and of the gateway both serve and what both
 * command lines print. Versions are `"gen.n"`, times RFC 3339 in UTC.
 */
export interface DeviceDocument {
  /** `namespace/name`. */
  readonly id: DeviceId;
  readonly node?: string;
  readonly model: string;
  readonly protocol: string;
  readonly description?: string;
  readonly incarnation: string;
  /** Of a device that was created at the hub. */
  readonly hub?: { readonly version: string; readonly storedOnGateway?: boolean };
  readonly properties: readonly PropertyDocument[];
  readonly methods?: readonly Method[];
}

export interface PropertyDocument {
  readonly name: string;
  readonly description?: string;
  readonly type: PropertyDescription['type'];
  readonly access: AccessMode;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly unit?: string;
  readonly reportCycleMs: number;
  readonly history?: true;
  readonly reported?: ReportedDocument;
  readonly desired?: DesiredDocument;
  readonly state: SyncState;
  readonly reason?: string;
  /** Hub only: this session's gateway stored the present desired version. */
  readonly storedOnGateway?: boolean;
  /** Hub only: milliseconds since the hub heard the reported value. */
  readonly ageMs?: number;
  /** Gateway only: the hub has not acknowledged the newest report. */
  readonly unsent?: boolean;
  /** Gateway only: a local write that the hub has not decided on yet. */
  readonly pendingLocal?: Value;
}

export interface ReportedDocument {
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  readonly version: string;
  /** Absent when the gateway sent a time that no calendar has. */
  readonly timestamp?: string;
  /** How far the timestamp may be believed. Absent when the gateway did not say. */
  readonly clock?: TimeQuality;
  readonly desiredVersion: string;
}

export interface DesiredDocument {
  readonly value: Value;
  readonly version: string;
}

export function reportedDocument(reported: Reported): ReportedDocument {
  const { value, quality, reason, version, clock, desiredVersion } = reported;
  const timestamp = isoTime(reported.timestamp);
  return {
    value,
    quality,
    ...(reason === undefined ? {} : { reason }),
    version: formatVersion(version),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(clock === undefined ? {} : { clock }),
    desiredVersion: formatVersion(desiredVersion),
  };
}

export function desiredDocument(desired: Desired): DesiredDocument {
  return { value: desired.value, version: formatVersion(desired.version) };
}

/** The describing half of a property, field by field: nothing that is not meant to be shown. */
export function propertyHead(property: PropertyDescription): PropertyHead {
  const { name, description, type, access, minimum, maximum, unit, reportCycleMs } = property;
  const { history } = property;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    type,
    access,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(unit === undefined ? {} : { unit }),
    reportCycleMs,
    ...(history === undefined ? {} : { history }),
  };
}

type PropertyHead = Pick<PropertyDocument, keyof PropertyDescription>;

export function deviceHead(
  device: DeviceDescription,
): Omit<DeviceDocument, 'incarnation' | 'properties'> {
  const { id, model, protocol, description, methods } = device;
  return {
    ...{ id, model, protocol },
    ...(description === undefined ? {} : { description }),
    ...(methods === undefined ? {} : { methods: methods.map(methodDocument) }),
  };
}

function methodDocument({ name, description, properties }: Method): Method {
  return { name, ...(description === undefined ? {} : { description }), properties };
}

/** RFC 3339, or undefined outside the years that a Date can hold: peers send any number. */
export function isoTime(wallTimeMs: number): string | undefined {
  return Math.abs(wallTimeMs) <= 8.64e15 ? new Date(wallTimeMs).toISOString() : undefined;
}
