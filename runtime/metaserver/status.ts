import type { FlashStats } from '#journal/flash.js';
import type { HistoryStatus } from '../history/history.js';
import type { ForwardStatus } from '#tunnel/transport.js';
import type { MapperStatus } from '#protocol/mapper-port.js';
import type { ByeReason } from '#protocol/sync-message.js';
import type { TimeQuality } from '#protocol/twin.js';
import type { UndeliveredStatus } from '../alarms/alarm-book.js';
import type { GatewayAlarm } from '../alarms/gateway-alarms.js';
import type { LinkStatus } from '../edgehub/link-status.js';

/** What the gateway says of itself: `edgetwin status`, GET /api/v1/status and the metrics. */
export interface GatewayStatus {
  readonly node: string;
  readonly software: string;
  readonly uptimeMs: number;
  /** The gateway runs by the last configuration that worked, because the present one does not. */
  readonly fallback?: string;
  readonly hub: {
    readonly connected: boolean;
    /** Of the present or the last session; 0 before the first. */
    readonly epoch: number;
    /** Wall time of the last change between connected and not, milliseconds since 1970; or 0. */
    readonly since: number;
    readonly transport: string;
    /** Round trip in milliseconds; shares, where the transport can tell. */
    readonly link?: LinkStatus;
    readonly url: string;
    /** Rows that the hub has not acknowledged. */
    readonly unsent: number;
    /** Messages without an answer. */
    readonly inFlight: number;
    readonly reconnects: number;
    readonly lastError?: { readonly code: string; readonly message: string };
    /** Why this gateway keeps away, and until when in wall time: the hub told it to. */
    readonly held?: { readonly reason: ByeReason; readonly until: number };
    /** Devices that the hub does not take from this node, with its code. */
    readonly refused?: Readonly<Record<string, string>>;
  };
  readonly store: {
    readonly commits: number;
    readonly syncs: number;
    readonly bytesWritten: number;
    /** The last 24 hours of running time beside the budget of the configuration. */
    readonly flash: FlashStats;
    readonly alarm?: { readonly code: string; readonly message: string };
    /** Snapshots fail while updates are still kept: an alarm will follow, so look at the disk. */
    readonly warning?: { readonly code: string; readonly message: string };
    /** Durable bytes that changed: the copies that were set aside, until someone removes them. */
    readonly damage: readonly { readonly file: string; readonly message: string }[];
  };
  /** The wall clock that timestamps come from, milliseconds since 1970, and how far to believe it. */
  readonly time: { readonly quality: TimeQuality; readonly wall: number };
  readonly broker: {
    /** `host:port`. */
    readonly address: string;
    readonly clients: number;
    readonly counters: Readonly<Record<string, number>>;
  };
  readonly commands?: {
    /** Commands that wait or run, and ids that are remembered. */
    readonly open: number;
    readonly kept: number;
    readonly counters: Readonly<Record<string, number>>;
  };
  readonly mappers: readonly MapperStatus[];
  /** Absent: no property has a history, or its folder cannot be used. */
  readonly history?: HistoryStatus;
  /** What the hub's operators may reach through this gateway: targets; connections since the start. */
  readonly forward?: ForwardStatus;
  readonly devices: number;
  /** Devices that do not run here, with the code of the reason. */
  readonly refusedDevices: Readonly<Record<string, string>>;
  /** What stands now, and what happened and nobody has cleared. */
  readonly alarms: readonly GatewayAlarm[];
  /** What the hub refused or cannot take. */
  readonly undelivered: UndeliveredStatus;
  /** Resident set size. */
  readonly memoryBytes: number;
}
