import { openStore } from '#journal/journal-store.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { CommandRunner } from '#runtime/commands/command-runner.js';
import { CommandService } from '#runtime/commands/command-service.js';
import { DeviceTwin } from '#runtime/devicetwin/device-twin.js';
import { MapperRunner } from '#runtime/devicetwin/mapper-host.js';
import { EdgeHub } from '#runtime/edgehub/edge-hub.js';
import { History } from '#runtime/history/history.js';
import { SampleChannel } from '#runtime/history/sample-channel.js';
import { MetaStore } from '#runtime/metamanager/meta-store.js';
import type { GatewayTables } from '#runtime/metamanager/tables.js';
import { keptFloorMs, TimeKeeper } from '#runtime/time/time-keeper.js';
import { WallClock } from '#runtime/time/wall-clock.js';
import { folderOf } from './folder.js';
import { pick } from './options.js';
import type { Acknowledged, Plant } from './plant.js';
import { Station } from './station.js';
import type { Ports, Surroundings } from './station.js';

export const HUB_URL = 'wss://hub:443';

/** The parts of a running gateway that the simulator drives and looks at: all of them as shipped. */
export interface GatewayProgram {
  readonly meta: MetaStore;
  readonly twins: DeviceTwin;
  readonly edgeHub: EdgeHub;
  readonly history: History;
  readonly mappers: MapperRunner;
  readonly commands: CommandService;
  readonly time: TimeKeeper;
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
    const { process, storage, random, log } = ports;
    const { journalBytes, historyBytes, ...blocks } = this.surroundings.sizes;
    const store = await openStore<GatewayTables>(storage, {
      ...{ clock: ports.clock, random, log },
      journalBytes,
    });
    const meta = await MetaStore.open(store, { clock: ports.clock, random, log });
    const clock = new WallClock(ports.clock, keptFloorMs(meta));
    const options = { clock, random, log };
    const time = new TimeKeeper(clock, { meta, log });
    time.start();
    const history = await History.open({
      ...{ meta, storage: folderOf(storage, 'history'), clock, log, ...blocks },
      maxBytes: historyBytes[pick(random, historyBytes.length)] ?? 0,
    });
    const twins = new DeviceTwin({ meta, devices: this.devices, history, ...options });
    const mappers = new MapperRunner({ twins, ...options });
    const runner = new CommandRunner({
      ...{ twins, clock, lanes: mappers.lanes },
      mapper: (protocolName) => mappers.mapper(protocolName),
      external: () => Promise.reject(new EdgeError('EDGE_UNSUPPORTED', 'no other mappers')),
    });
    const commands = new CommandService({ meta, runner, clock, log });
    const edgeHub = new EdgeHub({
      meta,
      twins,
      transport: process.transport(this.surroundings.weather.network.transport()),
      url: HUB_URL,
      identity: { key: '', certificate: this.node, authorities: [] },
      software: 'simulated',
      strict: true,
      channels: [time, commands, new SampleChannel(history, meta, log)],
      ...options,
    });
    const mapper = this.plant.mapper(random, (...reading) => {
      if (!process.dead) this.#events.acknowledged(this, ...reading);
    });
    await mappers.start([mapper]);
    return { meta, twins, edgeHub, history, mappers, commands, time };
  }

  protected override started(program: GatewayProgram): void {
    this.#events.started(this, program);
    program.edgeHub.start();
  }

  protected async shutDown(program: GatewayProgram): Promise<void> {
    const { meta, twins, edgeHub, history, mappers, commands, time } = program;
    await edgeHub.stop();
    await mappers.stop();
    commands.stop();
    twins.stop();
    time.stop();
    history.close();
    await meta.close();
  }
}
