import { openStore } from '#journal/journal-store.js';
import type { Device } from '#protocol/device.js';
import { DeviceTwin } from '#runtime/devicetwin/device-twin.js';
import { MapperRunner } from '#runtime/devicetwin/mapper-host.js';
import { EdgeHub } from '#runtime/edgehub/edge-hub.js';
import { MetaStore } from '#runtime/metamanager/meta-store.js';
import type { GatewayTables } from '#runtime/metamanager/tables.js';
import type { Acknowledged, Plant } from './plant.js';
import { Station } from './station.js';
import type { Ports, Surroundings } from './station.js';

export const HUB_URL = 'wss://hub:443';
/** Small, so that journals turn over. */
export const JOURNAL_BYTES = 64 * 1024;

/** The parts of a running gateway that the simulator drives and looks at: all of them as shipped. */
export interface GatewayProgram {
  readonly meta: MetaStore;
  readonly twins: DeviceTwin;
  readonly edgeHub: EdgeHub;
  readonly mappers: MapperRunner;
}

export interface GatewayEvents {
  readonly started: (gateway: Gateway, program: GatewayProgram) => void;
  readonly acknowledged: (gateway: Gateway, ...reading: Parameters<Acknowledged>) => void;
}

/** A gateway: its card, its devices, and the process that runs or does not. */
export class Gateway extends Station<GatewayProgram> {
  /** The identity in its certificate; a clone has that of another gateway. */
  readonly node: string;
  readonly plant: Plant;
  /** The devices of its configuration: edit it, then restart. */
  devices: readonly Device[];
  readonly #events: GatewayEvents;

  constructor(
    { name, node = name }: { readonly name: string; readonly node?: string },
    surroundings: Surroundings,
    plant: Plant,
    events: GatewayEvents,
  ) {
    super(name, surroundings);
    this.node = node;
    this.plant = plant;
    this.devices = plant.devices;
    this.#events = events;
  }

  get isClone(): boolean {
    return this.node !== this.name;
  }

  protected async launch(ports: Ports): Promise<GatewayProgram> {
    const { process, storage, clock, random, log } = ports;
    const options = { clock, random, log };
    const store = await openStore<GatewayTables>(storage, {
      ...options,
      journalBytes: JOURNAL_BYTES,
    });
    const meta = await MetaStore.open(store, options);
    const twins = new DeviceTwin({ meta, devices: this.devices, ...options });
    const edgeHub = new EdgeHub({
      meta,
      twins,
      transport: process.transport(this.surroundings.weather.network.transport()),
      url: HUB_URL,
      identity: { key: '', certificate: this.node, authorities: [] },
      software: 'simulated',
      strict: true,
      ...options,
    });
    const mappers = new MapperRunner({ twins, ...options });
    const mapper = this.plant.mapper(random, (...reading) => {
      if (!process.dead) this.#events.acknowledged(this, ...reading);
    });
    await mappers.start([mapper]);
    return { meta, twins, edgeHub, mappers };
  }

  protected override started(program: GatewayProgram): void {
    this.#events.started(this, program);
    program.edgeHub.start();
  }

  protected async shutDown({ meta, twins, edgeHub, mappers }: GatewayProgram): Promise<void> {
    await edgeHub.stop();
    await mappers.stop();
    twins.stop();
    await meta.close();
  }
}
