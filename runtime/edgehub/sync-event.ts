import type { ByeReason, CounterHistory, SyncMessage } from '#protocol/sync-message.js';
import type { CloseCode, Priority } from '#tunnel/transport.js';
import type { CareEvent } from '../alarms/dead-letter.js';
import type { Adoptable } from '../devicetwin/adoptable.js';
import type { DigestSnapshot } from '../devicetwin/device-twin.js';
import type { HubEvent, Uplink } from '../devicetwin/twin-event.js';
import type { IdentityRow } from '../metamanager/tables.js';

/** What HELLO shows: read from the store when the connection stands. */
export interface HelloFacts {
  readonly boot: string;
  readonly identity: IdentityRow;
  readonly state: CounterHistory;
  readonly samples: CounterHistory;
  readonly software: string;
  /** Digest of the devices of the hub that are held; undefined: none. */
  readonly hubDevices?: string | undefined;
  /** Why the last configuration that worked is in force; undefined: it is the present one. */
  readonly fallback?: string | undefined;
}

export type SyncEvent =
  | { readonly kind: 'connected'; readonly facts: HelloFacts }
  | { readonly kind: 'message'; readonly message: SyncMessage }
  /** A message of a type that is not known here. */
  | { readonly kind: 'unknown-message'; readonly epoch: number; readonly id: number }
  | { readonly kind: 'disconnected' }
  /** Rows that have become durable; `whole`: everything that the hub lacks. */
  | { readonly kind: 'durable'; readonly uplink: Uplink; readonly whole: boolean }
  /** The event of an `apply` is durable. */
  | { readonly kind: 'committed'; readonly token: number }
  | { readonly kind: 'adoptable'; readonly token: number; readonly adoptable: Adoptable }
  | { readonly kind: 'digests'; readonly token: number; readonly snapshot: DigestSnapshot }
  /** The transport took no more, and takes more again. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'drained' }
  /** Send at once what waits for its window. */
  | { readonly kind: 'flush' }
  | { readonly kind: 'tick' };

export type SyncEffect =
  | { readonly kind: 'send'; readonly message: SyncMessage; readonly priority: Priority }
  /** Apply to the DeviceTwins; tell `committed` when durable, if there is a token. */
  | { readonly kind: 'apply'; readonly event: HubEvent; readonly token: number }
  /** Read digests of all devices; tell `digests` when they are durable. */
  | { readonly kind: 'digest'; readonly token: number }
  /** Read what a restored hub is to be told; tell `adoptable` when it is durable. */
  | { readonly kind: 'adoption'; readonly token: number }
  | {
      readonly kind: 'apply-soon';
      readonly event: HubEvent & { readonly kind: 'acknowledged' | 'confirmed' };
    }
  /** The session is over: say so with `code`, and dial again as `bye` allows. */
  | {
      readonly kind: 'close';
      readonly code: CloseCode;
      readonly detail: string;
      readonly bye?: ByeReason;
    }
  /** Something a person may have to do. */
  | { readonly kind: 'care'; readonly event: CareEvent }
  /** Something a person may want to know. */
  | {
      readonly kind: 'notice';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

/** For people. */
export interface SyncStatus {
  readonly live: boolean;
  readonly epoch?: number;
  /** Rows and announcements that the hub has not acknowledged. */
  readonly unsent: number;
  /** Messages without an answer. */
  readonly inFlight: number;
  readonly undecidedLocals: number;
  /** Devices that the hub does not take from this node, with its code. */
  readonly refused: Readonly<Record<string, string>>;
  readonly counters: Readonly<Record<string, number>>;
}
