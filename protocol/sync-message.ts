import type { DeviceDescription, DeviceId } from './device.js';
import type { Fork } from './numbering.js';
import type { Command, Query, Resack, Result } from './sync-message-command.js';
import type { Adopt, DesiredState, HubDevices } from './sync-message-desired.js';
import type { Sack, Samples } from './sync-message-samples.js';
import type { Quality, TimeQuality, Value, Version } from './twin.js';

export type { DesiredRow, DesiredState } from './sync-message-desired.js';

/**
 * The messages of the sync protocol (docs/sync-protocol.md section 3). Each is whole, may be lost
 * with its session and may arrive in any order. `id` names a message that is acknowledged by name;
 * it is unique per sender and session. Direction: g is the gateway, h the hub.
 */
export type SyncMessage =
  | Hello
  | Welcome
  | Ready
  | Confirm
  | State
  | Announce
  | Ack
  | DesiredState
  | Stored
  | Local
  | LocalResult
  | Digest
  | Resend
  | Bye
  | Unsupported
  | Samples
  | Sack
  | HubDevices
  | Adopt
  | Command
  | Result
  | Resack
  | Query;

export const PROTOCOL_VERSION = 1;

/** Features that HELLO and WELCOME list: the sender knows these messages. */
export const ADOPTION = 'adopt';
/** Devices that the hub creates and deletes. */
export const HUB_DEVICES = 'devices';

/** What a Numbering shows to the peer: its value and the boots not yet known to be learnt. */
export interface CounterHistory {
  readonly value: number;
  readonly forks: readonly Fork[];
}

/** g>h, the first message of a session. Nothing else is sent before WELCOME is durable. */
export interface Hello {
  readonly kind: 'hello';
  /** Random per process start; 16 hexadecimal digits, like every boot and lineage. */
  readonly boot: string;
  readonly lineage: string;
  readonly lastEpoch: number;
  readonly state: CounterHistory;
  readonly samples: CounterHistory;
  /** Lineage of the desired state this gateway holds; empty before the first contact. */
  readonly hubLineage: string;
  /** Highest desired counter ever stored, and the hub boots heard, oldest first. */
  readonly maxDesired: number;
  readonly hubBoots: readonly string[];
  readonly protocol: { readonly min: number; readonly max: number };
  readonly features: readonly string[];
  /** Compression dictionaries this end has, by id; empty until there are any. */
  readonly dictionaries: readonly string[];
  /** Monotonic milliseconds of the sender: the base of ages. */
  readonly monotonicMs: number;
  readonly software: string;
  /**
   * The generations that this gateway knows of its own numbers and of the hub's: a hub that lost
   * its memory gives higher ones. Absent: 0, no generation yet or an older gateway.
   */
  readonly gen?: number;
  readonly hubGen?: number;
  /**
   * Digest of the devices of the hub that this gateway holds (`hubDevicesDigest`): a hub that has
   * others sends them. Absent: an older gateway, or none of them.
   */
  readonly hubDevices?: string;
  /** Why this gateway runs by its last configuration that worked. Absent: it runs by the present one. */
  readonly fallback?: string;
}

/** h>g. Durable at the hub before it leaves, durable at the gateway before anything follows. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly epoch: number;
  readonly lineage: string;
  readonly gen: number;
  /** The gateway's numbers forked: a restored backup. Rows up to `known` must be read again. */
  readonly fork: boolean;
  /** Number everything anew: the hub does not know this lineage, but knows the node. */
  readonly resync: boolean;
  readonly known: { readonly state: number; readonly samples: number };
  /**
   * On a fork: the generation of the presented lineage, under which the hub knows numbers up to
   * `known`. A backup from before the first contact was never told it.
   */
  readonly priorGen?: number;
  readonly hubLineage: string;
  readonly hubGen: number;
  /** The boot of the hub's process: remembered by the gateway. */
  readonly hubBoot: string;
  /**
   * Boots of earlier hub processes that numbered desired values without meeting this gateway;
   * remembered before `hubBoot`, oldest first, or a restored hub would judge its mark too low.
   */
  readonly earlierHubBoots?: readonly string[];
  /** The hub's desired state went back in time; none is sent until it is adopted. */
  readonly adopt: boolean;
  readonly protocol: number;
  readonly features: readonly string[];
  readonly messageBytes: number;
  readonly monotonicMs: number;
  /** Wall time of the hub, whole milliseconds since 1970: for gateways without a clock. */
  readonly wallMs?: number;
}

/** g>h: "I persisted WELCOME". Any other message of the epoch means the same. */
export interface Ready {
  readonly kind: 'ready';
  readonly epoch: number;
}

/** h>g: "I persisted the boots listed in HELLO". Any Ack of the epoch means the same. */
export interface Confirm {
  readonly kind: 'confirm';
  readonly epoch: number;
}

/** g>h: rows of reported state, newest per property. Answered by Ack after the hub's sync. */
export interface State {
  readonly kind: 'state';
  readonly epoch: number;
  readonly id: number;
  readonly rows: readonly StateRow[];
}

export interface StateRow {
  readonly device: DeviceId;
  /** The incarnation of the device this row belongs to. */
  readonly incarnation: Version;
  readonly property: string;
  /** The counter; its generation is the session's, unless `gen` says otherwise. */
  readonly n: number;
  /**
   * Below the session's: the generation of a row that was numbered before its store was restored
   * and that the hub may never have had. It is a delayed message of that older life.
   */
  readonly gen?: number;
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  readonly timestamp: number;
  /** How far `timestamp` may be believed; absent: not told. */
  readonly clock?: TimeQuality;
  readonly desiredVersion: Version;
}

/** g>h: devices of the gateway's own mapper files, numbered like state. Answered by Ack. */
export interface Announce {
  readonly kind: 'announce';
  readonly epoch: number;
  readonly id: number;
  readonly rows: readonly AnnounceRow[];
}

export interface AnnounceRow {
  readonly device: DeviceId;
  /** Version at which this life of the device began. */
  readonly incarnation: Version;
  readonly n: number;
  /** Null is a tombstone. */
  readonly description: DeviceDescription | null;
}

/** Both ways: every row of message `id` is accounted for AND durable. Rejected rows are listed. */
export interface Ack {
  readonly kind: 'ack';
  readonly epoch: number;
  readonly id: number;
  readonly rejects: readonly { readonly row: number; readonly code: string }[];
}

/** g>h: message `id` is durable on the gateway. Not written to any device yet. */
export interface Stored {
  readonly kind: 'stored';
  readonly epoch: number;
  readonly id: number;
}

/** g>h: a numbered compare-and-set from the gateway. Answered by LocalResult, durable at the hub. */
export interface Local {
  readonly kind: 'local';
  readonly epoch: number;
  readonly device: DeviceId;
  readonly incarnation: Version;
  readonly property: string;
  readonly lid: Version;
  /** The desired version it was based on. */
  readonly base: Version;
  /** First of the chain of local writes that stand on the same base. */
  readonly chainStart: Version;
  readonly value: Value;
}

export interface LocalResult {
  readonly kind: 'local-result';
  readonly epoch: number;
  readonly device: DeviceId;
  readonly property: string;
  readonly lid: Version;
  readonly outcome: 'ok' | 'conflict' | 'superseded' | 'rejected';
  /** The desired version it became, when ok. */
  readonly version?: Version;
  /** Why it was rejected. */
  readonly code?: string;
}

/** Both ways: hashes of what this end holds; stamped with the numbers it has applied. */
export interface Digest {
  readonly kind: 'digest';
  readonly epoch: number;
  /** The sender's applied state and desired counters. */
  readonly state: number;
  readonly desired: number;
  readonly devices: readonly DeviceDigest[];
}

export interface DeviceDigest {
  readonly device: DeviceId;
  readonly incarnation: Version;
  /** 16 hexadecimal digits over sorted (property, version, hash of value); see digest.ts. */
  readonly reported: string;
  readonly desired: string;
}

/** Both ways: this device differs; send its rows again, under NEW numbers. */
export interface Resend {
  readonly kind: 'resend';
  readonly epoch: number;
  readonly devices: readonly DeviceId[];
}

export type ByeReason =
  'superseded' | 'clone' | 'unsupported' | 'shutting-down' | 'diverged' | 'refused';

/** Both ways: the sender ends the session and says why. */
export interface Bye {
  readonly kind: 'bye';
  readonly reason: ByeReason;
  readonly detail: string;
}

/** Both ways: message `id` is of a type this end does not know: parked by its sender, not lost. */
export interface Unsupported {
  readonly kind: 'unsupported';
  readonly epoch: number;
  readonly id: number;
}
