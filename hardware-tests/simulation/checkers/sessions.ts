import { lineageKey } from '#cloud/store/tables.js';
import type { HubStore } from '#cloud/store/hub-store.js';
import type { Rows } from '#cloud/store/node-rows.js';
import { Gateway } from '../gateway.js';
import type { Station } from '../station.js';
import type { HubProgram } from '../hub.js';
import type { Checker, Checks } from './checker.js';
import { HubRows } from './rows.js';

/**
 * P7 and the invariants around sessions. I10: what is committed was judged under the node's durable
 * epoch, which never goes down while a hub runs, and no gateway is offered an epoch that it has left
 * behind. I11: the hub holds no number of a lineage that its gateway has not given yet. I13: a clone
 * alarm means two live processes.
 */
export class Sessions implements Checker {
  readonly #checks: Checks;

  constructor(checks: Checks) {
    this.#checks = checks;
    const { world } = checks;
    world.hubStore = (store, rows): HubStore => this.#watched(store, rows);
  }

  #watched(store: HubStore, rows: Rows): HubStore {
    const highest = new Map<string, number>();
    return {
      loadAll: () => store.loadAll(),
      reload: (last) => store.reload(last),
      commit: async (transaction) => {
        const { node } = transaction;
        const epoch = rows.get('nodes', node)?.epoch ?? 0;
        const before = highest.get(node) ?? 0;
        highest.set(node, epoch);
        this.#checks.expect(epoch >= before, 'I10 an epoch went down', node, { before, epoch });
        const outcome = await store.commit(transaction);
        if (outcome.kind !== 'committed') return outcome;
        this.#checks.count('commits');
        this.#checks.expect(transaction.epoch === epoch, 'I10 epoch of a commit', node, {
          judged: transaction.epoch,
          durable: epoch,
        });
        return outcome;
      },
    };
  }

  hubStarted({ fleet }: HubProgram): void {
    fleet.watch((change) => {
      if (change.kind !== 'node') return;
      const { name, alarms } = change.node;
      const alarm = alarms.find(({ code }) => code === 'EDGE_CLONE' || code === 'EDGE_QUARANTINED');
      if (alarm === undefined) return;
      this.#checks.count('cloneAlarms');
      this.#checks.expect(this.#checks.world.cloned.has(name), 'I13 alarm without a clone', name, {
        alarm,
      });
    });
  }

  turned(touched: ReadonlySet<Station<object>>): void {
    const { cloned } = this.#checks.world;
    for (const station of touched)
      if (station instanceof Gateway && !cloned.has(station.node)) this.#look(station);
  }

  #look({ program, node }: Gateway): void {
    if (program === undefined) return;
    if (!program.edgeHub.isLive) {
      const { lastError } = program.edgeHub.status();
      const isOld = lastError?.message.startsWith('WELCOME of epoch') === true;
      this.#checks.expect(!isOld, 'I10 an epoch that is over', node, { lastError });
      return;
    }
    const { lineage } = program.meta.identity();
    const row = HubRows.of(this.#checks.world, node)?.rows.get(
      'lineages',
      lineageKey(node, lineage),
    );
    if (row === undefined) return;
    const { value } = program.meta.numbering('state');
    this.#checks.expect(row.maxState <= value, 'I11 number not given yet', node, { row, value });
  }
}
