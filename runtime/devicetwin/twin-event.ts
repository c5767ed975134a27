import type { Device, DeviceId } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import type {
  AnnounceRow,
  DesiredRow,
  LocalResult,
  StateRow,
  Welcome,
} from '#protocol/sync-message.js';
import type { HubDeviceRow } from '#protocol/sync-message-desired.js';
import type { TakenAt } from '#protocol/taken-at.js';
import type { Desired, Reported, Value, Version } from '#protocol/twin.js';
import type { LocalWriteRow } from '../metamanager/tables.js';
import type { GatewayPut } from '../metamanager/transaction.js';

/** `taken`: its time is of a clock that was not known to be right. */
export type DatedReading = Reading & { readonly taken?: TakenAt };

/** Everything that changes the DeviceTwins. Values have been checked before. */
export type TwinEvent =
  | { readonly kind: 'devices'; readonly devices: readonly Device[] }
  | {
      readonly kind: 'readings';
      readonly device: DeviceId;
      readonly readings: readonly DatedReading[];
    }
  | {
      readonly kind: 'local-write';
      readonly device: DeviceId;
      readonly property: string;
      readonly value: Value;
      readonly actor: string;
    }
  | WriteEnded
  | HubEvent;

export interface WriteEnded {
  readonly kind: 'write-ended';
  readonly device: DeviceId;
  /** The life of the device that was written to: a write that outlives it changes nothing. */
  readonly incarnation: Version;
  readonly property: string;
  readonly target: WriteTarget;
  /** Present when it failed; `final`: it will not be tried again. */
  readonly failure?: {
    readonly code: string;
    readonly final: boolean;
    readonly timestamp: number;
    readonly taken?: TakenAt;
  };
}

/** What the hub causes (docs/sync-protocol.md section 4). */
export type HubEvent =
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'acknowledged'; readonly rows: AcknowledgedRows }
  | { readonly kind: 'desired'; readonly rows: readonly DesiredRow[] }
  | { readonly kind: 'hub-devices'; readonly rows: readonly HubDeviceRow[] }
  | { readonly kind: 'local-result'; readonly result: LocalResult }
  /** Send these devices again, under new numbers. */
  | { readonly kind: 'renumber'; readonly devices: readonly DeviceId[] };

/** By name: only the very version clears `unsent` (hole H4). */
export interface AcknowledgedRows {
  readonly reported: readonly {
    readonly device: DeviceId;
    readonly property: string;
    readonly n: number;
  }[];
  readonly announced: readonly { readonly device: DeviceId; readonly n: number }[];
}

/** What a property's device should hold. */
export interface WriteTarget {
  /** NO_VERSION for a local write that the hub has not numbered, and for a document's value. */
  readonly version: Version;
  readonly value: Value;
  readonly lid?: Version;
  readonly fromDocument?: true;
}

/** Rows that the hub lacks, as the sync machine sends them. */
export interface Uplink {
  readonly announcements: readonly AnnounceRow[];
  readonly rows: readonly StateRow[];
  readonly locals: readonly LocalQueue[];
}

export const NOTHING_UP: Uplink = { announcements: [], rows: [], locals: [] };

/** All undecided local writes of one property, in the order to send them; empty: none is left. */
export interface LocalQueue {
  readonly device: DeviceId;
  readonly incarnation: Version;
  readonly property: string;
  readonly writes: readonly LocalWriteRow[];
}

/** What the reducer makes of an event. */
export interface Transition {
  /** One transaction. */
  readonly puts: readonly GatewayPut[];
  readonly touched: readonly Touched[];
  readonly added: readonly DeviceId[];
  readonly removed: readonly DeviceId[];
  /** What leaves for the hub once `puts` is durable. */
  readonly uplink: Uplink;
  /** The id of the local write that the event was. */
  readonly lid?: Version;
  /** Local writes dropped because too many were lost already. */
  readonly droppedLocals: number;
}

export type Touched =
  | {
      readonly kind: 'reported';
      readonly device: DeviceId;
      readonly property: string;
      readonly before?: Reported;
    }
  | {
      readonly kind: 'desired';
      readonly device: DeviceId;
      readonly property: string;
      readonly before?: Desired;
    };
