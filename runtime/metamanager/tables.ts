import type { DeadLetter } from '../alarms/dead-letter.js';
import type { RaisedAlarm } from '../alarms/gateway-alarms.js';
import type { DeviceDescription, DeviceId } from '#protocol/device.js';
import type { SeriesTables } from '#journal/series-tables.js';
import type { NumberingState } from '#protocol/numbering.js';
import type { LearntBoot, TakenAt } from '#protocol/taken-at.js';
import type { Desired, Quality, Value, Version } from '#protocol/twin.js';

/**
 * What the gateway keeps durable (docs/sync-protocol.md section 2). Tables of properties are
 * keyed by `device/property`.
 */
export interface GatewayTables extends SeriesTables {
  /** One row, key `self`. */
  identity: IdentityRow;
  /** `state` (sv) and `samples` (sq). */
  numbering: NumberingState;
  devices: DeviceRow;
  /** What the hub said last of a device that it created, tombstones too. */
  hubDevices: HubDevice;
  /** The `n` of the device row that the hub has acknowledged; less than its present one: unsent. */
  announced: number;
  reported: ReportedRow;
  /** The `n` of the reported row that the hub has acknowledged; another than its present: unsent. */
  acknowledged: number;
  desired: Desired;
  applied: AppliedRow;
  locals: LocalWrites;
  /** One row, key `self`. */
  time: TimeRow;
  /** Key: command id. */
  commands: CommandRow;
  /** Key: the code of an alarm that happened and was not cleared. */
  alarms: RaisedAlarm;
  deadLetters: DeadLetter;
}

export interface TimeRow {
  /** A wall time that has passed for certain, milliseconds since 1970. */
  readonly floorMs: number;
  /** Boots of this machine of which the hub told the time, the latest last. */
  readonly learnt?: readonly LearntBoot[];
}

export interface IdentityRow {
  /** Made with the store (hole H9) or given by the hub on a fork. */
  readonly lineage: string;
  /** 0 before the first contact. */
  readonly gen: number;
  readonly lastEpoch: number;
  /** Empty before the first contact. */
  readonly hubLineage: string;
  /** The newest LIMITS.hubBootsKept boots of the hub, oldest first. */
  readonly hubBoots: readonly string[];
  /** The highest desired counter ever stored. */
  readonly maxDesired: number;
  /** The highest generation of the hub's numbers ever heard; absent: 0. */
  readonly hubGen?: number;
}

export interface DeviceRow {
  /** Version at which this life of the device began. */
  readonly incarnation: Version;
  readonly n: number;
  /** Null is a tombstone. Properties that stay on the gateway are not in it. */
  readonly description: DeviceDescription | null;
  /**
   * Of a device that the hub created: the version of its documents. Then the incarnation is
   * numbered by the hub, and nothing is announced.
   */
  readonly hub?: Version;
}

/** A device that the hub created or deleted (docs/sync-protocol.md section 4.8). */
export interface HubDevice {
  readonly version: Version;
  readonly incarnation: Version;
  /** Device and DeviceModel as JSON; null is a tombstone. */
  readonly documents: string | null;
  /** What only a newer hub understands of it. */
  readonly later?: readonly unknown[];
}

/** Its generation is the identity's unless it is stale. */
export interface ReportedRow {
  readonly n: number;
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  readonly timestamp: number;
  /** Its clock was not known to be right. */
  readonly taken?: TakenAt;
  /** The desired version whose write had ended before the reading started. */
  readonly label: Version;
  /** Inherited from a restored backup: shown as uncertain until it is read again. */
  readonly stale?: true;
  /** Of a stale row: the generation in which it was numbered. */
  readonly gen?: number;
}

/** The last write that ended at the device. */
export interface AppliedRow {
  /**
   * NO_VERSION when it was a local write, the value that the device document asks for, or of a store
   * that went back, so that what the device holds now is not known.
   */
  readonly version: Version;
  /** The local write that it was. */
  readonly lid?: Version;
  /** The value of the device document that it was. */
  readonly document?: Value;
}

export interface LocalWrites {
  readonly pending?: LocalWriteRow;
  /** Overtaken by a write of the cloud and not yet recorded there, oldest first. */
  readonly lost: readonly LocalWriteRow[];
}

export interface LocalWriteRow {
  readonly lid: Version;
  readonly base: Version;
  readonly chainStart: Version;
  readonly value: Value;
  readonly actor: string;
  /** The cloud's value was written to the device instead. */
  readonly lost?: true;
}

/**
 * What became of a command (docs/sync-protocol.md section 4.6). `accepted` is durable before the
 * effect, the others after it; a process that finds `accepted` cannot know, and nobody can.
 */
export interface CommandRow {
  /** Order of acceptance. */
  readonly n: number;
  readonly state: 'accepted' | CommandEndState;
  readonly ttlMs: number;
  readonly value?: Value;
  readonly code?: string;
  readonly detail?: string;
  /** The hub has it durable: value and detail are dropped. */
  readonly acknowledged?: true;
}

export type CommandEndState = 'done' | 'failed' | 'expired' | 'unknown';

export function propertyKey(device: DeviceId, property: string): string {
  return `${device}/${property}`;
}

/** A device id holds exactly one slash; a property name may hold more. */
export function splitKey(key: string): { device: DeviceId; property: string } {
  const slash = key.indexOf('/', key.indexOf('/') + 1);
  return { device: key.slice(0, slash), property: key.slice(slash + 1) };
}
