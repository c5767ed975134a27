import type { Value } from './twin.js';

/** `namespace/name`, as KubeEdge has it since 1.15; the namespace defaults to `default`. */
export type DeviceId = string;

export type PropertyType = 'int' | 'float' | 'double' | 'string' | 'boolean' | 'bytes' | 'json';

export type AccessMode = 'ReadWrite' | 'ReadOnly';

/** What both ends know of a property: enough to check a desired value and to show a reported one. */
export interface PropertyDescription {
  readonly name: string;
  readonly description?: string;
  readonly type: PropertyType;
  readonly access: AccessMode;
  /** Inclusive; numbers only. */
  readonly minimum?: number;
  readonly maximum?: number;
  readonly unit?: string;
  /** Milliseconds between reports; the hub calls a value stale when several are missed. */
  readonly reportCycleMs: number;
  /** Every report is kept as a sample, at both ends, besides the newest value. */
  readonly history?: true;
}

/** What a device can be told to do: an entry of `spec.methods` (KubeEdge v1beta1, DeviceMethod). */
export interface Method {
  readonly name: string;
  readonly description?: string;
  /** Properties that the arguments may name, in the order in which they are written. */
  readonly properties: readonly string[];
}

/** What the hub is told of a device: no protocol settings, so no secrets and no addresses. */
export interface DeviceDescription {
  readonly id: DeviceId;
  readonly model: string;
  readonly protocol: string;
  readonly description?: string;
  readonly properties: readonly PropertyDescription[];
  readonly methods?: readonly Method[];
}

/** Protocol settings as the document gives them; the mapper of that protocol checks and reads them. */
export interface ProtocolConfig {
  readonly protocolName: string;
  readonly configData: Readonly<Record<string, unknown>>;
}

/** A property as the gateway runs it: the device's instance merged over its model. */
export interface Property extends PropertyDescription {
  /** How to reach it, if a mapper polls it. `protocolName` equals the device's. */
  readonly visitor?: ProtocolConfig;
  /** Milliseconds between readings of the device. */
  readonly collectCycleMs: number;
  /** False keeps the property on the gateway. */
  readonly reportToCloud: boolean;
  /** The value that the document asks for, applied when nothing newer is known. */
  readonly desired?: Value;
}

/** A device as the gateway runs it. */
export interface Device {
  readonly id: DeviceId;
  readonly model: string;
  readonly description?: string;
  readonly protocol: ProtocolConfig;
  readonly properties: readonly Property[];
  readonly methods?: readonly Method[];
}

/** The part of a device that the hub may know. Properties that stay on the gateway are left out. */
export function describeDevice(device: Device): DeviceDescription {
  return {
    id: device.id,
    model: device.model,
    protocol: device.protocol.protocolName,
    ...(device.description === undefined ? {} : { description: device.description }),
    properties: device.properties
      .filter((property) => property.reportToCloud)
      .map(({ visitor: _v, collectCycleMs: _c, reportToCloud: _r, desired: _d, ...rest }) => rest),
    ...(device.methods === undefined ? {} : { methods: device.methods }),
  };
}
