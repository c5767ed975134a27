import type { DeviceId } from '#protocol/device.js';
import type { Series } from '#journal/series.js';
import type { Store } from '#journal/store.js';
import { EdgeError } from '#protocol/errors.js';
import type { CommitOutcome, HubStore, HubTransaction } from './hub-store.js';
import { NodeRows } from './node-rows.js';
import { deviceOfKey, nodeOfKey } from './tables.js';
import type { HubPut, HubTable, HubTables } from './tables.js';

const TABLES: Readonly<Record<HubTable, true>> = {
  nodes: true,
  lineages: true,
  numberings: true,
  devices: true,
  hubDevices: true,
  reported: true,
  desired: true,
  locals: true,
  conflicts: true,
  commands: true,
  histories: true,
};

/** The histories of the nodes, over the same store. */
export interface HistoryShelf {
  open(node: string): Promise<Pick<Series, 'isFull' | 'draft' | 'added'>>;
}

/** What is needed of a store that may hold the tables of other rooms as well. */
export type HubTablesStore = Pick<Store<HubTables>, 'get' | 'rows' | 'commit'>;

/**
 * The hub's rows in a journal of its own. The store takes a transaction into memory within the
 * call, so the conditions and the puts cannot be separated by another one.
 */
export class EmbeddedHubStore implements HubStore {
  readonly #store: HubTablesStore;
  readonly #histories: HistoryShelf | undefined;
  /** Who owns each live device. */
  readonly #owners = new Map<DeviceId, string>();
  /** Puts in the store whose sync failed, by node: a node commits nothing else before `reload`. */
  readonly #refused = new Map<string, HubPut[]>();

  /** Without `histories` samples are accounted for and not kept. */
  constructor(store: HubTablesStore, histories?: HistoryShelf) {
    this.#store = store;
    this.#histories = histories;
    for (const [key, row] of store.rows('devices'))
      if (row.description !== null) this.#owners.set(deviceOfKey(key), nodeOfKey(key));
  }

  async loadAll(): Promise<NodeRows[]> {
    await this.#store.commit([]);
    const nodes = new Map<string, NodeRows>();
    for (const table of Object.keys(TABLES) as HubTable[]) {
      for (const [key, row] of this.#store.rows(table)) {
        const name = nodeOfKey(key);
        const rows = nodes.get(name) ?? new NodeRows(name);
        rows.apply([{ table, key, row } as HubPut]);
        nodes.set(name, rows);
      }
    }
    return [...nodes.values()];
  }

  /** A transaction that was refused stays in the store and is durable once a later sync is. */
  async reload(last: NodeRows): Promise<NodeRows> {
    await this.#store.commit([]);
    last.apply(this.#refused.get(last.name) ?? []);
    this.#refused.delete(last.name);
    return last;
  }

  async commit(transaction: HubTransaction): Promise<CommitOutcome> {
    const { node, epoch, claims, puts, samples = [] } = transaction;
    const series = samples.length === 0 ? undefined : await this.#histories?.open(node);
    if (series?.isFull === true) throw full(node);
    if ((this.#store.get('nodes', node)?.epoch ?? 0) !== epoch) return { kind: 'superseded' };
    const taken = claims.filter((device) => (this.#owners.get(device) ?? node) !== node);
    if (taken.length > 0) return { kind: 'taken', devices: taken };
    const draft = series?.draft(samples);
    const durable = this.#store.commit([
      ...puts,
      ...((draft?.puts ?? []) as readonly unknown[] as HubPut[]),
    ]);
    if (draft !== undefined) series?.added(draft, durable);
    for (const put of puts) if (put.table === 'devices') this.#own(put);
    try {
      await durable;
    } catch (error) {
      this.#refused.set(node, [...(this.#refused.get(node) ?? []), ...puts]);
      throw error;
    }
    return { kind: 'committed' };
  }

  #own({ key, row }: Extract<HubPut, { table: 'devices' }>): void {
    const [node, device] = [nodeOfKey(key), deviceOfKey(key)];
    const alive = row !== null && row.description !== null;
    if (alive) this.#owners.set(device, node);
    else if (this.#owners.get(device) === node) this.#owners.delete(device);
  }
}

/** Blocks cannot be written. The gateway keeps what is not acknowledged. */
function full(node: string): EdgeError {
  return new EdgeError('EDGE_STORAGE', `the history of node ${node} takes no more samples`, {
    hint: 'Free some space on the disk of the hub; the log has the cause.',
  });
}
