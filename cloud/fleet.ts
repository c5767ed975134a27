import type { DeviceDescription, DeviceId, PropertyDescription } from '#protocol/device.js';
import type { HistoryPage, HistoryQuestion } from '#protocol/history-document.js';
import type { CommandId } from '#protocol/sync-message-command.js';
import type { Desired, Reported, SyncState, Value, Version } from '#protocol/twin.js';
import type { ConnectionStats, ForwardRefusal } from '#tunnel/transport.js';

/** What the API, the console and the command line may know and do: the hub seen from outside. */
export interface Fleet {
  nodes(): readonly NodeView[];
  node(name: string): NodeView | undefined;
  /** Sorted by id. `node` keeps the devices of one node. */
  devices(filter?: { readonly node?: string }): readonly DeviceView[];
  device(id: DeviceId): DeviceView | undefined;
  /**
   * Checks type, range and access, then resolves when durable at the hub. Rejects with
   * EDGE_NO_DEVICE, EDGE_NO_PROPERTY, EDGE_TYPE, EDGE_RANGE, EDGE_READ_ONLY, EDGE_LIMIT;
   * EDGE_CONFLICT when `ifVersion` is given and is not the present one (NO_VERSION: none yet).
   */
  setDesired(request: SetDesired): Promise<Desired>;
  /** Changes in order, each only after it is durable. Returns the way to stop listening. */
  watch(listener: (change: FleetChange) => void): () => void;
}

/** What a person may decide about a node, beside its values. */
export interface NodeCare {
  /**
   * The alarm was seen: it is taken from the node's list. For EDGE_QUARANTINED this lets the node
   * in again. Rejects with EDGE_NO_NODE, or EDGE_UNSUPPORTED for a code that no alarm has. A dry run
   * checks that and changes nothing.
   */
  clearAlarm(node: string, code: string, options?: { readonly isDryRun: boolean }): Promise<void>;
}

/** Commands as the API sees them: asked for once, done at most once. */
export interface Commands {
  /**
   * Resolves when the command is durable at the hub; what it becomes is seen in `command` and by
   * watching. With a `key` that was used before it gives that command. Rejects with EDGE_NO_DEVICE,
   * EDGE_NO_METHOD, EDGE_NO_PROPERTY, EDGE_TYPE, EDGE_RANGE, EDGE_MALFORMED, EDGE_LIMIT,
   * EDGE_CONFLICT, EDGE_UNSUPPORTED (its gateway takes none), EDGE_STORAGE: then it may still
   * become durable, so it is repeated under the same key.
   */
  run(request: RunCommand): Promise<CommandView>;
  command(id: CommandId): CommandView | undefined;
  /** Of a device, newest first; undefined: there is no such device. */
  commandsOf(device: DeviceId): readonly CommandView[] | undefined;
}

/** Devices that people create at the hub; those of gateways' own files stay theirs. */
export interface HubDevices {
  /**
   * Creates the device, or replaces its documents; resolves when that is durable at the hub. The
   * gateway gets it when it is there. Rejects with EDGE_CONFIG, whose details are `DocumentFaults`,
   * EDGE_NO_NODE, EDGE_DEVICE_TAKEN, EDGE_UNSUPPORTED (its gateway takes none), EDGE_LIMIT, EDGE_STORAGE.
   */
  putDevice(request: PutDevice): Promise<PutDeviceOutcome>;
  /** Rejects with EDGE_NO_DEVICE, EDGE_DEVICE_TAKEN (it stands in a file of its gateway), EDGE_STORAGE. */
  deleteDevice(request: { readonly device: DeviceId; readonly actor: string }): Promise<void>;
}

/** Ports of this hub's machine that lead through a gateway, as long as whoever asked wants them. */
export interface Forwards {
  /**
   * Listens when the gateway is connected and allows the target. Rejects with EDGE_NO_NODE,
   * EDGE_CONNECTION (away, or the port is taken), EDGE_UNSUPPORTED (connected without streams),
   * EDGE_FORBIDDEN (not allowed by its configuration, or elsewhere than loopback), EDGE_CONFIG, EDGE_LIMIT.
   */
  open(request: OpenForward): Promise<ForwardView>;
}

export interface OpenForward {
  readonly node: string;
  /** `host:port` on loopback of the hub's machine. */
  readonly listen: string;
  /** `host:port` for TCP or `udp:host:port`, from the view of the gateway. */
  readonly target: string;
  readonly actor: string;
  /** A connection was not opened. */
  readonly onRefused: (why: ForwardRefusal) => void;
}

export interface ForwardView {
  readonly node: string;
  readonly listen: string;
  readonly target: string;
  close(): Promise<void>;
}

export interface PutDevice {
  readonly id: DeviceId;
  /** KubeEdge documents as they were parsed, of v1beta1 or v1alpha2. */
  readonly device: unknown;
  readonly model: unknown;
  /** Checks everything and changes nothing. */
  readonly isDryRun?: boolean;
  readonly actor: string;
}

export interface PutDeviceOutcome {
  readonly node: string;
  /** `replaced`: it begins a new life, since a property of it changed its form or is gone. */
  readonly change: 'created' | 'updated' | 'replaced' | 'unchanged';
  /** What a person should know though the device is sound. */
  readonly warnings: readonly DocumentFault[];
}

/** The details of an EDGE_CONFIG of `putDevice`. */
export interface DocumentFaults {
  readonly issues: readonly DocumentFault[];
}

export interface DocumentFault {
  /** `device.spec.protocol.protocolName`, `model.spec.properties[0].type`. */
  readonly key: string;
  readonly message: string;
  readonly suggestion?: string;
  readonly hint?: string;
}

export interface RunCommand {
  readonly device: DeviceId;
  readonly method: string;
  readonly args: Value;
  readonly ttlMs: number;
  readonly key?: string;
  /** Who asked, for the record: `operator:<name>`. */
  readonly actor: string;
}

export interface CommandView {
  readonly id: CommandId;
  readonly node: string;
  readonly device: DeviceId;
  readonly method: string;
  readonly args: Value;
  readonly ttlMs: number;
  readonly key?: string;
  readonly actor: string;
  /** Wall times, milliseconds since 1970. */
  readonly at: number;
  readonly endedAt?: number;
  /** `done`, `failed` and `expired` never change; `unknown` may still turn into one of them. */
  readonly state: 'new' | 'sent' | 'done' | 'failed' | 'expired' | 'unknown';
  readonly value?: Value;
  readonly code?: string;
  readonly detail?: string;
}

/** Samples of properties with history, by time. */
export interface Histories {
  /**
   * Durable samples in the order in which the hub got them; undefined: there is no such device.
   * Rejects with EDGE_STORAGE.
   */
  history(question: HistoryQuestion): Promise<HistoryPage | undefined>;
}

export interface SetDesired {
  readonly device: DeviceId;
  readonly property: string;
  readonly value: Value;
  readonly ifVersion?: Version;
  /** Who asked, for the record: `operator:<name>`. */
  readonly actor: string;
}

export interface NodeView {
  readonly name: string;
  readonly online: boolean;
  /** `host:port` of the live session, for people only. */
  readonly address?: string;
  readonly transport?: string;
  /** What the transport knows of the way between: round trip in milliseconds, shares. */
  readonly link?: NodeLinkView;
  readonly software?: string;
  readonly epoch: number;
  readonly devices: number;
  /** Wall time of the last message heard since this hub started, milliseconds since 1970. */
  readonly lastHeard?: number;
  /** What became of its samples, in the life of this hub; absent: it never sent any. */
  readonly history?: NodeHistoryView;
  /** Conditions that a person should see: clone, restored store, refused device ids. */
  readonly alarms: readonly { readonly code: string; readonly detail: string }[];
}

/** From the view of the hub: `loss` on the way to the gateway, `lossIn` on the way from it. */
export type NodeLinkView = Pick<
  ConnectionStats,
  'rttMs' | 'silentMs' | 'loss' | 'lossIn' | 'redundancy' | 'sentPerDelivered'
>;

export interface NodeHistoryView {
  readonly applied: number;
  /** Given up by the gateway before it could send them. */
  readonly dropped: number;
  /** Refused; `refusals` has the newest of them. */
  readonly rejected: number;
  readonly refusals: readonly {
    readonly device: DeviceId;
    readonly property: string;
    readonly code: string;
    /** Wall time of the hub, milliseconds since 1970. */
    readonly at: number;
  }[];
}

export interface DeviceView {
  readonly node: string;
  readonly description: DeviceDescription;
  readonly incarnation: Version;
  /** It was created at this hub; absent: it stands in a file of its gateway. */
  readonly hub?: {
    readonly version: Version;
    /** True when this session's gateway holds it as it is here. */
    readonly storedOnGateway: boolean;
  };
  readonly properties: readonly HubPropertyView[];
}

export interface HubPropertyView {
  readonly description: PropertyDescription;
  readonly reported?: Reported;
  readonly desired?: Desired;
  /** True when this session's gateway said that it stored the present desired version. */
  readonly storedOnGateway: boolean;
  readonly state: SyncState;
  readonly reason?: string;
  /** Milliseconds since the hub heard the reported value; undefined before this process heard any. */
  readonly ageMs?: number;
  /** A local write of the gateway that lost against the present desired value. */
  readonly conflict?: ConflictView;
}

export interface ConflictView {
  /** What the gateway wrote, under this id, on top of the desired version `base`. */
  readonly local: Value;
  readonly lid: Version;
  readonly base: Version;
  /** Wall time of the hub's decision, milliseconds since 1970. */
  readonly at: number;
}

export type FleetChange =
  | { readonly kind: 'node'; readonly node: NodeView }
  | {
      readonly kind: 'property';
      readonly node: string;
      readonly device: DeviceId;
      readonly property: HubPropertyView;
    }
  | { readonly kind: 'command'; readonly command: CommandView }
  | { readonly kind: 'device'; readonly device: DeviceView }
  | { readonly kind: 'device-removed'; readonly node: string; readonly device: DeviceId };
