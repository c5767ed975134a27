import type { Clock } from './clock.js';
import type { Device, DeviceId } from './device.js';
import type { Log } from './log.js';
import type { Random } from './random.js';
import type { CommandId } from './sync-message-command.js';
import type { Quality, Value, Version } from './twin.js';

/**
 * The contract between the runtime and the mappers. The same contract is offered over MQTT to
 * mappers in other processes (docs/mappers.md); one compliance suite tests both.
 */
export interface MapperModule {
  /** The `protocol.protocolName` of the devices it serves. */
  readonly protocolName: string;
  /**
   * Checks the protocol settings of a device and its visitors before anything starts. `path`
   * leads from the device document to the offending key: `['spec','protocol','configData','ip']`.
   * `before`: devices that were read before it, of any protocol: it must get on with them.
   */
  validate(
    device: Device,
    before?: readonly Device[],
  ): readonly DeviceIssue[] | Promise<readonly DeviceIssue[]>;
  /** What a sound device asks of a line that it shares, where that is known before it is asked. */
  lineLoad?(device: Device): Promise<LineLoad | undefined>;
  create(host: MapperHost): Mapper;
}

export interface LineLoad {
  /** The same text for all devices of a line. */
  readonly line: string;
  /** Of the line's time, for the cycles of this device; 1 is all of it. */
  readonly share: number;
}

export interface DeviceIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
  /** It can be served all the same, and a person should look at it; an error when absent. */
  readonly severity?: 'warning';
}

/** What the runtime offers a mapper. */
export interface MapperHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * Hands over readings of one device. Resolves when they are durable on the gateway; rejects
   * with an EdgeError (EDGE_STORAGE, EDGE_NO_DEVICE, EDGE_TYPE ...). Call order is kept.
   */
  report(batch: ReportBatch): Promise<void>;
}

export interface ReportBatch {
  readonly device: DeviceId;
  readonly readings: readonly Reading[];
}

export interface Reading {
  readonly property: string;
  /** Null only together with quality bad: nothing could be read. */
  readonly value: Value;
  readonly quality: Quality;
  /** An error code, when the quality is not good. */
  readonly reason?: string;
  /** Wall time of the reading, milliseconds since 1970. */
  readonly timestamp: number;
  /**
   * Label: the version of the last write of this property that had ended before this reading
   * STARTED. The hub calls a property in-sync by this label, so it must never be taken later.
   */
  readonly appliedVersion: Version;
}

/** A device together with the labels to start from: the last ended write of each property. */
export interface MappedDevice {
  readonly device: Device;
  readonly applied: ReadonlyMap<string, Version>;
}

/** What a mapper offers the runtime. */
export interface Mapper {
  /**
   * Opens what it needs and begins to report. A device that is away is no error: it is retried.
   * A mapper with `drop` is called again with devices that come later.
   */
  start(devices: readonly MappedDevice[]): Promise<void>;
  /**
   * Ends these devices as `stop` ends all: no reading of them after this call, what is under way
   * ends within 2 s, ports that no other device uses are closed. The others go on undisturbed. A
   * mapper without it is stopped and made anew when one of its devices comes, goes or changes.
   */
  drop?(devices: readonly DeviceId[]): Promise<void>;
  /**
   * Writes one property and resolves when the write has ended at the device, one way or the
   * other. From then on readings that start carry its version. The runtime never has two
   * writes of one property under way. The mapper reads the property back soon after.
   */
  write(request: WriteRequest): Promise<WriteOutcome>;
  /**
   * Calls a method of a device, once: never repeated, whatever becomes of it. A mapper without it
   * has its methods carried out by one `write` for each property that the arguments name.
   */
  command?(request: CommandRequest): Promise<CommandOutcome>;
  /** Counters and connection states for `status`. */
  status(): MapperStatus;
  /** Stops reporting, ends what is under way within 2 s and closes ports. */
  stop(): Promise<void>;
}

export interface WriteRequest {
  readonly device: DeviceId;
  readonly property: string;
  readonly value: Value;
  readonly version: Version;
  /** Set when a command writes: also a property that is ReadOnly, and at most once. */
  readonly command?: CommandWrite;
}

export interface CommandWrite {
  readonly id: CommandId;
  /** Monotonic milliseconds of the host's clock: after it the device must not see the write. */
  readonly notAfterMs: number;
}

/** `retry`: the device could not be reached, so the same write may be tried again later. */
export type WriteOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly retry: boolean;
      /** What the device did with it, when that is not told by `retry`: true means unknown. */
      readonly effect?: 'none' | 'unknown';
    };

export interface CommandRequest extends CommandWrite {
  readonly device: DeviceId;
  readonly method: string;
  /** An object of checked values by property name; any value for a method without properties. */
  readonly args: Value;
}

/** `unknown`: the device may have done it, and nobody can know. */
export type CommandOutcome =
  | { readonly ok: true; readonly value?: Value }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly unknown?: true;
    };

export interface MapperStatus {
  readonly protocolName: string;
  readonly devices: readonly DeviceStatus[];
  readonly counters: Readonly<Record<string, number>>;
}

export interface DeviceStatus {
  readonly device: DeviceId;
  readonly state: 'online' | 'offline' | 'unknown';
  readonly detail?: string;
}
