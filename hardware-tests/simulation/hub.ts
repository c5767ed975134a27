import { CommandDesk } from '#cloud/commands/command-desk.js';
import { CloudHub } from '#cloud/cloudhub/cloud-hub.js';
import type { NodeLoop } from '#cloud/cloudhub/node-loop.js';
import { DeviceController } from '#cloud/devicecontroller/device-controller.js';
import { NodeHistories } from '#cloud/history/node-histories.js';
import { EmbeddedHubStore } from '#cloud/store/embedded-hub-store.js';
import type { HistoryShelf } from '#cloud/store/embedded-hub-store.js';
import type { HubStore } from '#cloud/store/hub-store.js';
import type { HubTables } from '#cloud/store/tables.js';
import { openStore } from '#journal/journal-store.js';
import type { SeriesTables } from '#journal/series-tables.js';
import { tablesOf } from '#journal/store.js';
import type { Store } from '#journal/store.js';
import { folderOf } from './folder.js';
import { Station } from './station.js';
import type { Ports, Surroundings } from './station.js';

export interface HubProgram {
  readonly store: Store<HubTables>;
  readonly fleet: DeviceController;
  readonly cloudHub: CloudHub;
  readonly commands: CommandDesk;
  readonly histories: NodeHistories;
  /** The loop of a node that has been here; undefined before. */
  readonly loop: (node: string) => NodeLoop | undefined;
}

export interface HubEvents {
  readonly started: (hub: HubProgram) => void;
  /** Puts something between the hub and its store. */
  readonly storeOf: (store: HubStore, rows: Store<HubTables>) => HubStore;
  /** Puts something between the store and the histories. */
  readonly shelfOf: (shelf: HistoryShelf) => HistoryShelf;
}

/** The hub's machine. */
export class Hub extends Station<HubProgram> {
  readonly #events: HubEvents;

  constructor(surroundings: Surroundings, events: HubEvents) {
    super('hub', surroundings);
    this.#events = events;
  }

  protected async launch(ports: Ports): Promise<HubProgram> {
    const { process, storage, clock, random, log } = ports;
    const { journalBytes, blockRows, blockBytes } = this.surroundings.sizes;
    const options = { clock, random, log };
    const store = await openStore<HubTables & SeriesTables>(storage, {
      ...options,
      journalBytes,
    });
    const tables = tablesOf<HubTables, HubTables & SeriesTables>(store);
    const histories = new NodeHistories({
      store: tablesOf<SeriesTables, HubTables & SeriesTables>(store),
      storageOf: (node) => Promise.resolve(folderOf(storage, node)),
      ...{ clock, log, blockRows, blockBytes },
    });
    const shelf = this.#events.shelfOf(histories);
    const hubStore = this.#events.storeOf(new EmbeddedHubStore(tables, shelf), tables);
    const fleet = await DeviceController.open({
      store: hubStore,
      uptime: this.uptime(clock),
      ...options,
    });
    const commands = new CommandDesk(fleet, random);
    const cloudHub = new CloudHub({ fleet, isNodeAllowed: () => true, ...options });
    const listener = this.surroundings.weather.network.listen({
      identity: { key: '', certificate: 'hub', authorities: [] },
    });
    cloudHub.accept({
      ...listener,
      onConnection: (accept) =>
        listener.onConnection((connection) => {
          if (process.dead) connection.close('lost');
          else accept(process.own(connection));
        }),
    });
    const loops = new Map<string, NodeLoop>();
    const loop = (node: string): NodeLoop | undefined => {
      const known = loops.get(node);
      if (known !== undefined || fleet.node(node) === undefined) return known;
      const found = fleet.loopOf(node);
      loops.set(node, found);
      return found;
    };
    return { store: tables, fleet, cloudHub, commands, histories, loop };
  }

  protected override started(program: HubProgram): void {
    this.#events.started(program);
  }

  protected async shutDown({ fleet, cloudHub, histories, store }: HubProgram): Promise<void> {
    await cloudHub.stop();
    fleet.stop();
    histories.close();
    await store.close();
  }
}
