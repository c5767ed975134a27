import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import type { HistoryShelf } from '#cloud/store/embedded-hub-store.js';
import type { HubStore } from '#cloud/store/hub-store.js';
import type { HubTables } from '#cloud/store/tables.js';
import type { Store } from '#journal/store.js';
import { Gateway } from './gateway.js';
import type { GatewayProgram } from './gateway.js';
import { Hub } from './hub.js';
import type { HubProgram } from './hub.js';
import type { LinkOptions } from './options.js';
import { Sentinel } from './sentinel.js';
import { Plant, Witnesses } from './plant.js';
import { SMALL_SIZES } from './station.js';
import type { Sizes, Station, Surroundings } from './station.js';
import { Trace } from './trace.js';
import { Weather } from './weather.js';

export interface WorldOptions {
  readonly seed: number;
  readonly gateways: number;
  readonly link?: LinkOptions;
  readonly syncMs?: number;
  readonly sizes?: Sizes;
  /** The programs' logs and all messages go into the trace. */
  readonly verbose?: boolean;
}

const CALM_LINK: LinkOptions = { latencyMs: 20, jitterMs: 0, loss: 0, dropped: 0, duplicated: 0 };
/** So many turns in a row leave the event loop alone; then it may hear its parent and signals. */
const TURNS_PER_BREATH = 2000;
const START_MAX_MS = 600_000;

/** Whoever watches a world; every method is called before anything else may happen. */
export interface Watcher {
  gatewayStarted?(gateway: Gateway, program: GatewayProgram): void;
  hubStarted?(hub: HubProgram): void;
  /** A reading was acknowledged to its mapper. */
  acknowledged?(gateway: Gateway, device: string, property: string, timestamp: number): void;
  /** A command had its effect at a device. */
  affected?(command: string): void;
  /** After every turn: the machines to which something happened in it. */
  turned?(touched: ReadonlySet<Station<object>>): void;
}

/**
 * Whole gateways and a whole hub in one thread of virtual time, from a seed: every journal is on
 * storage that loses what was not synced, every message is in the weather's hands, and every
 * process may be killed between any two turns.
 */
export class World {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly weather: Weather;
  readonly trace: Trace;
  readonly witnesses = new Witnesses();
  readonly hub: Hub;
  readonly gateways: readonly Gateway[];
  /** Gateways with the identity of another one, as long as they exist. */
  readonly clones = new Set<Gateway>();
  /** Nodes that had one at some time. */
  readonly cloned = new Set<string>();
  readonly watchers: Watcher[] = [];
  /** Puts something between the hub and its store. */
  hubStore: (store: HubStore, rows: Store<HubTables>) => HubStore = (store) => store;
  /** Puts something between the hub's store and the histories of its nodes. */
  histories: (shelf: HistoryShelf) => HistoryShelf = (shelf) => shelf;
  turns = 0;
  readonly #surroundings: Surroundings;
  #touched = new Set<Station<object>>();
  #failure: EdgeError | undefined;

  constructor(options: WorldOptions) {
    const { seed, gateways, link = CALM_LINK, syncMs = 40, verbose = false } = options;
    this.random = seededRandom(seed);
    this.weather = new Weather(this.clock, this.random, link);
    this.trace = new Trace(this.clock);
    const log = new Sentinel(verbose ? this.trace.log() : silentLog, (error) => this.fail(error));
    this.#surroundings = {
      ...{ clock: this.clock, random: this.random, weather: this.weather, syncMs, log },
      sizes: options.sizes ?? SMALL_SIZES,
      touched: (station) => this.#touched.add(station),
      failed: (thrown) => this.fail(EdgeError.from(thrown)),
    };
    this.hub = new Hub(this.#surroundings, {
      started: (program) => this.#tell((watcher) => watcher.hubStarted?.(program)),
      storeOf: (store, rows) => this.hubStore(store, rows),
      shelfOf: (shelf) => this.histories(shelf),
    });
    this.gateways = Array.from({ length: gateways }, (_, index) => {
      const name = `gateway-${index + 1}`;
      return this.#gateway(name, name, this.#plant(index + 1));
    });
  }

  /** Gateways and clones. */
  get all(): readonly Gateway[] {
    return [...this.gateways, ...this.clones];
  }

  /** Everything is switched on. */
  start(): void {
    this.hub.start();
    for (const gateway of this.gateways) gateway.start();
  }

  /** A second gateway of the same identity, with a copy of its card and devices of its own. */
  clone(original: Gateway): Gateway {
    const index = this.gateways.indexOf(original) + 1;
    const plant = this.#plant(index);
    original.plant.copyTo(plant);
    const clone = this.#gateway(`clone-${index}`, original.node, plant);
    clone.replaceDisk(original.backup());
    this.clones.add(clone);
    this.cloned.add(clone.node);
    return clone;
  }

  /** The first breach stands: it is thrown by whoever lets time pass. */
  fail(error: EdgeError): void {
    this.#failure ??= error;
  }

  /** Lets virtual time pass: each timer fires in its own turn, with all that follows from it. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    for (;;) {
      await this.#turn();
      const next = this.clock.nextAtMs();
      if (next === undefined || next > end) break;
      this.clock.fireNext();
    }
    this.clock.advance(end - this.clock.now());
  }

  /** Lets time pass until the condition holds, looking after every turn; false when it never did. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const end = this.clock.now() + withinMs;
    for (;;) {
      await this.#turn();
      if (condition()) return true;
      const next = this.clock.nextAtMs();
      if (next === undefined || next > end) break;
      this.clock.fireNext();
    }
    this.clock.advance(end - this.clock.now());
    return condition();
  }

  /** Until everything that is switched on runs. */
  async started(): Promise<void> {
    const stations = [this.hub, ...this.all];
    const isUp = await this.until(
      () => stations.every(({ isPowered, program }) => !isPowered || program !== undefined),
      START_MAX_MS,
    );
    if (!isUp) this.fail(new EdgeError('EDGE_INTERNAL', 'a start hangs'));
    await this.pass(0);
  }

  #plant(index: number): Plant {
    return new Plant(String(index), this.witnesses, {
      affected: (id) => this.#tell((watcher) => watcher.affected?.(id)),
      abused: (text) => this.fail(new EdgeError('EDGE_INTERNAL', text)),
    });
  }

  #gateway(name: string, node: string, plant: Plant): Gateway {
    return new Gateway({ name, node }, this.#surroundings, plant, {
      started: (gateway, program) =>
        this.#tell((watcher) => watcher.gatewayStarted?.(gateway, program)),
      acknowledged: (...reading) => this.#tell((watcher) => watcher.acknowledged?.(...reading)),
    });
  }

  /** Everything that waits for microtasks only runs, then the watchers look. */
  async #turn(): Promise<void> {
    // The first is a breath: a tick would not wait for microtasks if this was called by one.
    await (this.turns++ % TURNS_PER_BREATH === 0 ? breath() : tick());
    if (this.#touched.size > 0) {
      const touched = this.#touched;
      this.#touched = new Set();
      this.#tell((watcher) => watcher.turned?.(touched));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A breach found within someone's callback must not stay with the one who called. */
  #tell(look: (watcher: Watcher) => void): void {
    try {
      for (const watcher of this.watchers) look(watcher);
    } catch (thrown) {
      this.fail(EdgeError.from(thrown));
    }
  }
}

/** After it all microtasks have run: the queue of ticks is looked at when there are none left. */
function tick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
