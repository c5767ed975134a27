import { CloudHub } from '#cloud/cloudhub/cloud-hub.js';
import { DeviceController } from '#cloud/devicecontroller/device-controller.js';
import { EmbeddedHubStore } from '#cloud/store/embedded-hub-store.js';
import type { HubTables } from '#cloud/store/tables.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { Disk } from '#journal/power-cut.js';
import type { Device, Property } from '#protocol/device.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import { DeviceTwin } from '#runtime/devicetwin/device-twin.js';
import { MapperRunner } from '#runtime/devicetwin/mapper-host.js';
import { EdgeHub } from '#runtime/edgehub/edge-hub.js';
import { MetaStore } from '#runtime/metamanager/meta-store.js';
import type { GatewayTables } from '#runtime/metamanager/tables.js';
import { MemoryNetwork } from '#tunnel/memory.js';
import { SimulatedProcess } from './process.js';
import { Plant, plantMapper } from './sensor.js';
import type { Acknowledged } from './sensor.js';

const NODE = 'gateway-1';
const JOURNAL_BYTES = 64 * 1024;
/**
 * A gateway comes back later than the last words of the process before it arrive. Otherwise a HELLO
 * of the dead one may overtake that of the living one, which is then told that it is superseded.
 */
const RESTART_MS = 1000;
/** The name of the timers of disks. */
const SYNC = 'disk';

const property = (name: string, access: Property['access']): Property => ({
  name,
  type: 'int',
  access,
  reportCycleMs: 1000,
  collectCycleMs: 1000,
  reportToCloud: true,
});

const device = (id: string, ...properties: Property[]): Device => ({
  id,
  model: 'plant',
  protocol: { protocolName: 'plant', configData: {} },
  properties,
});

export const TANK = device(
  'default/tank',
  property('level', 'ReadWrite'),
  property('temperature', 'ReadOnly'),
);
export const FAN = device('default/fan', property('speed', 'ReadWrite'));

/** For Disk.crash: whatever was not synced is lost. */
const NOTHING_UNSYNCED: Random = { unit: () => 0, bytes: (length) => new Uint8Array(length) };

export interface Gateway {
  readonly process: SimulatedProcess;
  readonly storage: MemoryStorage;
  readonly meta: MetaStore;
  readonly twins: DeviceTwin;
  readonly edgeHub: EdgeHub;
}

export interface Hub {
  readonly process: SimulatedProcess;
  readonly storage: MemoryStorage;
  readonly fleet: DeviceController;
  readonly cloudHub: CloudHub;
}

/**
 * A whole gateway and a whole hub in one thread of virtual time, from a seed: every journal is on
 * storage that loses what was not synced, every message may overtake another or be lost with its
 * session, and every process may be killed between any two turns.
 */
export class World {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly plant = new Plant();
  devices: readonly Device[] = [TANK, FAN];
  gateway: Gateway | undefined;
  hub: Hub | undefined;
  acknowledged: Acknowledged = () => undefined;
  onGateway: (gateway: Gateway) => void = () => undefined;
  onHub: (hub: Hub) => void = () => undefined;
  /** Called after every turn. */
  check: () => void = () => undefined;
  #gatewayStorage = this.#slow(new Disk());
  #hubStorage = this.#slow(new Disk());
  #seeds = 0;
  #restartAtMs = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      random: this.random,
      latencyMs: 20,
      // Up to several windows of the gateway: messages of one property overtake each other.
      jitterMs: this.random.unit() * 900,
      silenceMs: 3000,
    });
  }

  async startHub(): Promise<void> {
    const process = new SimulatedProcess(this.clock);
    const storage = this.#hubStorage;
    const { clock } = process;
    const options = { clock, random: this.#newRandom(), log: silentLog };
    const journal = { ...options, journalBytes: JOURNAL_BYTES };
    const store = await this.#meanwhile(openStore<HubTables>(storage, journal));
    const opening = DeviceController.open({ store: new EmbeddedHubStore(store), ...options });
    const fleet = await this.#meanwhile(opening);
    const cloudHub = new CloudHub({ fleet, isNodeAllowed: () => true, ...options });
    const listener = this.network.listen({
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
    this.hub = { process, storage, fleet, cloudHub };
    this.onHub(this.hub);
  }

  async startGateway(): Promise<void> {
    await this.pass(Math.max(0, this.#restartAtMs - this.clock.now()));
    const process = new SimulatedProcess(this.clock);
    const storage = this.#gatewayStorage;
    const { clock } = process;
    const random = this.#newRandom();
    const options = { clock, random, log: silentLog };
    const journal = { ...options, journalBytes: JOURNAL_BYTES };
    const store = await this.#meanwhile(openStore<GatewayTables>(storage, journal));
    const meta = await this.#meanwhile(MetaStore.open(store, options));
    const twins = new DeviceTwin({ meta, devices: this.devices, ...options });
    const edgeHub = new EdgeHub({
      meta,
      twins,
      transport: process.transport(this.network.transport()),
      url: 'wss://hub:443',
      identity: { key: '', certificate: NODE, authorities: [] },
      software: 'simulated',
      strict: true,
      ...options,
    });
    this.gateway = { process, storage, meta, twins, edgeHub };
    this.onGateway(this.gateway);
    const runner = new MapperRunner({ twins, ...options });
    const acknowledged: Acknowledged = (...reading) => {
      if (!process.dead) this.acknowledged(...reading);
    };
    await runner.start([plantMapper(this.plant, random, acknowledged)]);
    edgeHub.start();
  }

  crashGateway(): void {
    const { gateway } = this;
    if (gateway === undefined) return;
    gateway.process.kill();
    this.#restartAtMs = this.clock.now() + RESTART_MS;
    this.gateway = undefined;
    this.#gatewayStorage = this.#slow(gateway.storage.crash(this.random).disk);
  }

  crashHub(): void {
    const { hub } = this;
    if (hub === undefined) return;
    hub.process.kill();
    this.hub = undefined;
    this.#hubStorage = this.#slow(hub.storage.crash(this.random).disk);
  }

  /** A copy of the gateway's files as they are durable now. */
  backupGateway(): Disk | undefined {
    if (this.gateway === undefined) return undefined;
    const survivor = this.gateway.storage.disk.crash(NOTHING_UNSYNCED);
    return copyOf(survivor);
  }

  restoreGateway(backup: Disk): void {
    this.crashGateway();
    this.#gatewayStorage = this.#slow(copyOf(backup));
  }

  /** Something is on its way to a disk. */
  get isSyncing(): boolean {
    return this.clock.pending().includes(SYNC);
  }

  /** Lets virtual time pass: each timer fires in its own turn, with all that follows from it. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    for (;;) {
      await turn();
      this.check();
      const next = this.clock.nextAtMs();
      if (next === undefined || next > end) break;
      this.clock.advance(Math.max(0, next - this.clock.now()));
    }
    this.clock.advance(end - this.clock.now());
    await turn();
    this.check();
  }

  /** A disk whose syncs take time, so that there is always something that is not synced yet. */
  #slow(disk: Disk): MemoryStorage {
    return new MemoryStorage(disk, {
      before: (action) => (action === 'sync' ? this.#delay(this.random.unit() * 40) : undefined),
    });
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(SYNC, ms, resolve));
  }

  /** What a start waits for takes virtual time. */
  async #meanwhile<T>(promise: Promise<T>): Promise<T> {
    const state = { settled: false };
    const settle = (): void => void (state.settled = true);
    promise.then(settle, settle);
    while (!state.settled) await this.pass(5);
    return promise;
  }

  #newRandom(): Random {
    return seededRandom(Math.floor(this.random.unit() * 2 ** 31) + ++this.#seeds);
  }
}

/** Everything that waits for microtasks only has run after it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function copyOf(disk: Disk): Disk {
  const copy = new Disk();
  for (const name of disk.names()) {
    const inode = disk.inodeOf(name);
    if (inode !== undefined) copy.putDurable(name, disk.content(inode));
  }
  return copy;
}
