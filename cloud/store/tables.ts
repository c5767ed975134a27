import type { DeviceDescription, DeviceId } from '#protocol/device.js';
import type { NumberingState } from '#protocol/numbering.js';
import type { CommandId } from '#protocol/sync-message-command.js';
import type { Desired, Reported, Value, Version } from '#protocol/twin.js';
import type { Put } from '#journal/store.js';

/**
 * What the hub keeps of the sync protocol (docs/sync-protocol.md section 2). Every key begins with
 * the node's name, so all rows of a node can be found and no node can reach another's. Other rooms
 * of the hub add their tables by intersection: `Store<HubTables & EnrolmentTables>`.
 */
export interface HubTables {
  /** Key: node. */
  nodes: NodeRow;
  /** Key: `lineageKey`. Small and apart from `nodes`, because every STATE raises its highest number. */
  lineages: LineageRow;
  /** Key: node. The numbering of the desired side. */
  numberings: NumberingState;
  /** Key: `deviceKey`. */
  devices: DeviceRow;
  /** Key: `deviceKey`. What this hub said last of a device that it created, tombstones too. */
  hubDevices: HubDeviceRecord;
  /** Key: `propertyKey`, for the present life of the device only. */
  reported: Reported;
  desired: DesiredRecord;
  locals: LocalOutcome;
  /** Key: `conflictKey`. */
  conflicts: Conflict;
  /** Key: `commandKey`. */
  commands: CommandRecord;
  /** Key: node. */
  histories: HistoryRow;
}

export type HubPut = Put<HubTables>;
export type HubTable = HubPut['table'];

export interface NodeRow {
  /** The highest that was ever given with a WELCOME. */
  readonly epoch: number;
  /** The last epoch that the gateway answered in, so that it is durable there too. */
  readonly metEpoch: number;
  /** The gateway process that opened the last session, and those before it, oldest first. */
  readonly boot: string;
  readonly retiredBoots: readonly string[];
  /** Boots whose numbers the hub is known to have met, oldest first. */
  readonly learntBoots: readonly string[];
  /** The history of the desired values, and its generation. */
  readonly hubLineage: string;
  readonly hubGen: number;
  /** Lineages that this hub had before it was restored, oldest first: no strangers. */
  readonly formerHubLineages?: readonly string[];
  /** Set when this hub was found to be restored: no desired value leaves until it is adopted. */
  readonly adoptMark: number | null;
  /** Marks of restores that were found while that one's adoption was under way, ascending. */
  readonly laterMarks?: readonly number[];
  /** Refused until a person decides. */
  readonly quarantined: boolean;
  readonly alarms: readonly Alarm[];
  readonly software: string;
}

export interface LineageRow {
  readonly gen: number;
  /** The highest state number of this lineage that the hub has seen. */
  readonly maxState: number;
  readonly samplesStored: number;
  /** The gateway was told to number everything anew, and has not answered yet. */
  readonly resync: boolean;
  /** The epoch in which it was last presented or handed out: the least recent is forgotten. */
  readonly epoch: number;
  /** Given with a WELCOME that nobody has answered yet: the current lineage is another one. */
  readonly offered?: true;
  /** The lineage that this one was forked from, and up to which sample both are one history. */
  readonly parent?: string;
  readonly branch?: number;
}

export interface DeviceRow {
  readonly incarnation: Version;
  /** Number of the announcement. */
  readonly version: Version;
  /**
   * Set when a restored store brought this life back after another one: what was numbered in an
   * older generation than this belongs to the time before that other life.
   */
  readonly revived?: Version;
  /** Null is a tombstone. */
  readonly description: DeviceDescription | null;
  /**
   * Of a device that this hub created: the version of its documents. Then the incarnation is
   * numbered with desired values, and `version` is that of the last announcement of the id.
   */
  readonly hub?: Version;
}

/** A device that this hub created or deleted (docs/sync-protocol.md section 4.8). */
export interface HubDeviceRecord {
  readonly version: Version;
  readonly incarnation: Version;
  /** Device and DeviceModel as JSON; null is a tombstone. */
  readonly documents: string | null;
  /** What only a newer peer understands of it. */
  readonly later?: readonly unknown[];
  readonly actor: string;
  /** Wall time of the hub, for people only. */
  readonly at: number;
}

export interface DesiredRecord extends Desired {
  /**
   * Who asked: `operator:<name>`, `node:<name>` for a local write, or `adopted:<node>` for a value
   * that only the gateway still knew after the hub was restored.
   */
  readonly actor: string;
  /** The first of the numbers that this value had, if a repair or adoption gave it others. */
  readonly since?: Version;
  /** Wall time of the hub, for people only. */
  readonly at: number;
}

/** The last local write of a property and what became of it: a repeated one is answered alike. */
export interface LocalOutcome {
  readonly lid: Version;
  readonly outcome: 'ok' | 'conflict';
  readonly version?: Version;
}

/** A local write that lost against the cloud's value. */
export interface Conflict {
  readonly device: DeviceId;
  readonly property: string;
  readonly lid: Version;
  readonly base: Version;
  readonly local: Value;
  /** What stood, and still stands. */
  readonly cloud: { readonly version: Version; readonly value: Value };
  readonly at: number;
}

/** What became of a node's samples: each number up to the cursor is one of these. */
export interface HistoryRow {
  readonly applied: number;
  /** Given up by the gateway before it could send them. */
  readonly dropped: number;
  /** Not taken; the newest of them are `letters`. */
  readonly rejected: number;
  readonly letters: readonly DeadLetter[];
}

/** A sample that could not be taken: for people. */
export interface DeadLetter {
  readonly device: DeviceId;
  readonly property: string;
  readonly n: number;
  readonly code: string;
  /** Wall time of the hub. */
  readonly at: number;
}

/** A sample as it is kept. */
export interface SampleLine {
  /** Wall time of the reading, milliseconds since 1970. */
  readonly time: number;
  /** Of protocol/sample-line.ts. */
  readonly text: string;
}

export type CommandEndState = 'done' | 'failed' | 'expired' | 'unknown';

/**
 * A command and what is known of it (docs/sync-protocol.md section 4.6). `new`: never sent;
 * `sent`: durable before it leaves; `done`, `failed` and `expired` never change; `unknown` may
 * still be refined by what the gateway says.
 */
export interface CommandRecord {
  readonly id: CommandId;
  /** Order of acceptance on this node. */
  readonly n: number;
  readonly device: DeviceId;
  readonly incarnation: Version;
  readonly method: string;
  readonly args: Value;
  readonly ttlMs: number;
  /** The client's own name for it: the same key is the same command. */
  readonly key?: string;
  readonly actor: string;
  /** Wall time of acceptance and of the end, for people only. */
  readonly at: number;
  readonly endedAt?: number;
  /** The hub process that accepted it, and when: milliseconds of CLOCK_MONOTONIC of that boot. */
  readonly hubBoot: string;
  readonly issued: { readonly osBoot: string; readonly ms: number };
  readonly state: 'new' | 'sent' | CommandEndState;
  /** The gateway process it is bound to since it was sent; empty: none, it may only be asked for. */
  readonly sentTo?: string;
  /** The gateway said all that it knows. */
  readonly answered?: true;
  readonly value?: Value;
  readonly code?: string;
  readonly detail?: string;
}

export interface Alarm {
  readonly code: AlarmCode;
  readonly detail: string;
  readonly at: number;
}

/** Conditions of a node that a person should see. */
export const ALARM_CODES = {
  EDGE_CLONE: 'Two live processes use the identity of this node.',
  EDGE_QUARANTINED: 'The node is refused until a person decides.',
  EDGE_GATEWAY_RESTORED: 'The gateway came back with an older or another store.',
  EDGE_HUB_RESTORED: 'The gateway knows desired values that this hub does not.',
  EDGE_NOT_ADOPTED: 'The gateway holds desired values that the restored hub could not take over.',
  EDGE_DEVICE_TAKEN: 'The gateway announces a device that another node owns.',
  EDGE_CONFIG: 'The configuration of the gateway is wrong; the last one that worked is in force.',
} as const;

export type AlarmCode = keyof typeof ALARM_CODES;

/** Separates the parts of a key; in no node name, device id or property name. */
const SEPARATOR = '\n';

export function lineageKey(node: string, lineage: string): string {
  return `${node}${SEPARATOR}${lineage}`;
}

export function deviceKey(node: string, device: DeviceId): string {
  return `${node}${SEPARATOR}${device}`;
}

export function propertyKey(node: string, device: DeviceId, property: string): string {
  return `${node}${SEPARATOR}${device}${SEPARATOR}${property}`;
}

export function conflictKey(node: string, lid: Version): string {
  return `${node}${SEPARATOR}${lid.gen}.${lid.n}`;
}

export function commandKey(node: string, command: CommandId): string {
  return `${node}${SEPARATOR}${command}`;
}

export function nodeOfKey(key: string): string {
  return part(key, 0);
}

/** The second part of a key: a device id, or a lineage. */
export function deviceOfKey(key: string): DeviceId {
  return part(key, 1);
}

export function propertyOfKey(key: string): string {
  return part(key, 2);
}

function part(key: string, index: number): string {
  return key.split(SEPARATOR, index + 1)[index] ?? '';
}
