import type { DeviceId } from '#protocol/device.js';
import type { NodeRows } from './node-rows.js';
import type { HubPut, SampleLine } from './tables.js';

/**
 * What the hub keeps, as a port: `embedded-hub-store.ts` is the one over the hub's own journal; a
 * server database that several hub processes share has the same face. Every promise rejects with
 * EDGE_STORAGE while nothing can be made durable.
 */
export interface HubStore {
  /** Every node that ever opened a session, with its durable rows. */
  loadAll(): Promise<NodeRows[]>;
  /**
   * The node's rows as they stand durably, when `last` may be behind: after a commit that was
   * refused, which may have survived, or made elsewhere.
   */
  reload(last: NodeRows): Promise<NodeRows>;
  /**
   * One transaction, durable when it resolves to `committed`. Its conditions are checked inside
   * the transaction (docs/sync-protocol.md section 4.10, hole H22); otherwise nothing changes.
   */
  commit(transaction: HubTransaction): Promise<CommitOutcome>;
}

export interface HubTransaction {
  readonly node: string;
  /** The node's epoch that the puts were judged under; 0 for a node without a row. */
  readonly epoch: number;
  /** Device ids that no other node may own alive. */
  readonly claims: readonly DeviceId[];
  readonly puts: readonly HubPut[];
  /** Appended to the history of the node. */
  readonly samples?: readonly SampleLine[];
}

export type CommitOutcome =
  | { readonly kind: 'committed' }
  /** The node's durable epoch is another: a newer session took over. */
  | { readonly kind: 'superseded' }
  /** Another node owns these. */
  | { readonly kind: 'taken'; readonly devices: readonly DeviceId[] };
