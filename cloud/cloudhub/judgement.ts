import type { Device, DeviceId } from '#protocol/device.js';
import type { CommandId } from '#protocol/sync-message-command.js';
import type { Samples } from '#protocol/sync-message-samples.js';
import type { ByeReason, Hello, SyncMessage } from '#protocol/sync-message.js';
import type { Desired, Value, Version } from '#protocol/twin.js';
import type { CloseCode, Priority } from '#tunnel/transport.js';
import type { AlarmCode, HubPut, SampleLine } from '../store/tables.js';
import type { Counter } from './counters.js';
import type { HelloDecision } from './hello.js';

/** Numbers the connections of one hub process; never used twice. */
export type SessionId = number;

/** What happens to a node, in the order in which its hub judges it. */
export type NodeEvent =
  | {
      readonly kind: 'hello';
      readonly session: SessionId;
      readonly hello: Hello;
      /** Random ids, used if the decision needs new lineages. */
      readonly fresh: { readonly lineage: string; readonly hubLineage: string };
    }
  | {
      readonly kind: 'message';
      readonly session: SessionId;
      readonly message: SyncMessage;
      /** It has just taken the node over. */
      readonly first?: true;
      /** Where an ANNOUNCE that is too large for one transaction goes on. */
      readonly progress?: AnnounceProgress;
    }
  | { readonly kind: 'closed'; readonly session: SessionId }
  | ({ readonly kind: 'set-desired' } & DesiredRequest)
  | ({ readonly kind: 'run-command' } & CommandRequest)
  | ({ readonly kind: 'put-device' } & PutDeviceRequest)
  | { readonly kind: 'delete-device'; readonly device: DeviceId; readonly actor: string }
  /** A person has seen the alarm; for EDGE_QUARANTINED this lets the node in again. */
  | { readonly kind: 'clear-alarm'; readonly code: AlarmCode }
  | { readonly kind: 'tick' };

export interface DesiredRequest {
  readonly device: DeviceId;
  readonly property: string;
  readonly value: Value;
  readonly ifVersion?: Version;
  readonly actor: string;
}

export interface CommandRequest {
  /** Random; unused when `key` names a command that is there. */
  readonly id: CommandId;
  readonly device: DeviceId;
  readonly method: string;
  readonly args: Value;
  readonly ttlMs: number;
  readonly key?: string;
  readonly actor: string;
}

export interface PutDeviceRequest {
  readonly device: Device;
  /** As they are stored and sent: `writeHubDocuments`. */
  readonly documents: string;
  readonly actor: string;
  /** Checks everything and changes nothing. */
  readonly isDryRun: boolean;
}

export interface AnnounceProgress {
  readonly from: number;
  readonly rejects: readonly { readonly row: number; readonly code: string }[];
}

/** The time an event is judged at: monotonic for decisions, wall time only for people. */
export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** What leaves the hub because of an event, in order, only after its puts are durable. */
export type Effect =
  | {
      readonly kind: 'send';
      readonly session: SessionId;
      readonly message: SyncMessage;
      readonly priority: Priority;
    }
  | {
      readonly kind: 'close';
      readonly session: SessionId;
      readonly code: CloseCode;
      readonly detail: string;
    }
  | FleetNews
  | { readonly kind: 'alarm'; readonly code: AlarmCode; readonly detail: string }
  | { readonly kind: 'count'; readonly counter: Counter; readonly by: number };

/** What others may see now. */
export type FleetNews =
  /** The node's own view changed; `online` is set when its session came or went. */
  | { readonly kind: 'node'; readonly online?: boolean }
  | {
      readonly kind: 'reported';
      readonly device: DeviceId;
      readonly properties: readonly string[];
    }
  | { readonly kind: 'desired'; readonly device: DeviceId; readonly property: string }
  | { readonly kind: 'command'; readonly command: CommandId }
  | { readonly kind: 'device'; readonly device: DeviceId }
  | { readonly kind: 'device-removed'; readonly device: DeviceId };

/** What the event means for the rows that go down to the gateway. */
export type DownlinkNews =
  | { readonly kind: 'changed'; readonly device: DeviceId; readonly property: string }
  | { readonly kind: 'device'; readonly device: DeviceId }
  | { readonly kind: 'compared'; readonly device: DeviceId; readonly equal: boolean }
  | { readonly kind: 'forgotten'; readonly device: DeviceId }
  | { readonly kind: 'repaired'; readonly device: DeviceId }
  | { readonly kind: 'stored'; readonly id: number }
  | { readonly kind: 'unsupported'; readonly id: number };

/** The outcome of judging one event: a transaction, and what follows once it is durable. */
export interface Judgement {
  readonly puts: readonly HubPut[];
  /** Devices that no other node may own: checked inside the commit. */
  readonly claims: readonly DeviceId[];
  readonly effects: readonly Effect[];
  readonly downlink: readonly DownlinkNews[];
  /** WELCOME leaves for this one, which takes the node over with its first message. */
  readonly offers?: Candidate;
  /** The session that takes the node over, in place of the one that stood. */
  readonly opens?: OpenSession;
  /** The restored hub holds again what its gateway knew: desired values may leave. */
  readonly adopted?: true;
  /** Candidates that are none any more. */
  readonly drops?: readonly SessionId[];
  /** The node's session ends. */
  readonly ends?: true;
  /** A boot came back. */
  readonly cloneAtMs?: number;
  /** A person let the node in again: earlier returns do not count. */
  readonly forgives?: true;
  /** What is left of a message: judged before any other event. */
  readonly rest?: NodeEvent;
  /** Samples for the node's history, and the cursor that the puts move with them. */
  readonly samples?: readonly SampleLine[];
  readonly samplesStored?: number;
  /** Samples that came before those that they follow. */
  readonly parks?: Samples;
  /** The answer of a `set-desired`. */
  readonly desired?: Desired;
}

export interface OpenSession {
  readonly id: SessionId;
  readonly epoch: number;
  readonly lineage: string;
  readonly gen: number;
  /** Highest state number known at HELLO: the gateway's counter can never be below it. */
  readonly known: number;
  /** The gateway's process. */
  readonly boot: string;
  /** What both ends understand beside twins. */
  readonly features: readonly string[];
  /** No desired value may leave in this session. */
  readonly adopt: boolean;
  /** Digest of the devices of this hub that the gateway held at HELLO; undefined: none. */
  readonly heldDevices?: string | undefined;
}

/** WELCOME is on its way; until the gateway answers, the older session stands. */
export interface Candidate extends OpenSession {
  readonly hello: Hello;
  readonly decision: HelloDecision;
}

export const NOTHING: Judgement = { puts: [], claims: [], effects: [], downlink: [] };

export function send(
  session: SessionId,
  message: SyncMessage,
  priority: Priority = 'control',
): Effect {
  return { kind: 'send', session, message, priority };
}

export function count(counter: Counter, by = 1): Effect {
  return { kind: 'count', counter, by };
}

/** Tells the gateway why, then closes. */
export function goodbye(
  session: SessionId,
  reason: ByeReason,
  detail: string,
  code: CloseCode,
): Effect[] {
  return [send(session, { kind: 'bye', reason, detail }), { kind: 'close', session, code, detail }];
}
