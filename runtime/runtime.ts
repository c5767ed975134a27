import { backupOfStore } from '#journal/backup.js';
import { openFileStorage } from '#journal/file-storage.js';
import { Flash } from '#journal/flash.js';
import { lockFolder } from '#journal/folder-lock.js';
import { openStore } from '#journal/journal-store.js';
import { readUptime } from '#journal/os-uptime.js';
import { finishRestore } from '#journal/restore.js';
import type { Store } from '#journal/store.js';
import type { Clock } from '#protocol/clock.js';
import { sayExposed } from '#protocol/exposure.js';
import type { Log } from '#protocol/log.js';
import type { MapperModule } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import { Teardown } from '#protocol/teardown.js';
import { isoTime } from '#protocol/twin-document.js';
import type { ForwardStatus, Transport } from '#tunnel/transport.js';
import { AlarmBook } from './alarms/alarm-book.js';
import { standingAlarms } from './alarms/standing-alarms.js';
import { CommandRunner } from './commands/command-runner.js';
import { CommandService } from './commands/command-service.js';
import type { GatewayConfig } from './config/load.js';
import { DeviceTwin } from './devicetwin/device-twin.js';
import { MapperRunner } from './devicetwin/mapper-host.js';
import { ClientRegistry } from './eventbus/client-registry.js';
import { EventBus } from './eventbus/event-bus.js';
import { openHistory } from './history/open-history.js';
import { SampleChannel } from './history/sample-channel.js';
import type { GatewayStatus } from './metaserver/status.js';
import { MetaStore } from './metamanager/meta-store.js';
import type { GatewayTables } from './metamanager/tables.js';
import { TimeKeeper, keptFloorMs } from './time/time-keeper.js';
import { WallClock } from './time/wall-clock.js';

/** What is said of a door that others than this machine reach. */
const EXPOSED = {
  broker: {
    protection: 'credentials and rights of MQTT clients, no encryption',
    hint: 'Set broker.listen to 127.0.0.1:1883; clients of the plant network come by broker.tls.',
  },
  brokerTls: {
    protection: 'TLS, credentials and rights of MQTT clients',
    hint: 'Set broker.tls.listen to an address that only the clients of the plant reach.',
  },
  api: {
    protection: 'the token of control.json, no encryption',
    hint: 'Set api.listen to 127.0.0.1:10550 unless a network that you trust has to read it.',
  },
} as const;

/** What the runtime is given by the composition root. */
export interface GatewayPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Name and version, as the hub shows them. */
  readonly software: string;
  /** Called once the broker listens. */
  readonly link: () => Promise<Link>;
  /** The in-process mapper of a protocol; undefined: its devices report over MQTT. */
  readonly loadMapper: (protocolName: string) => Promise<MapperModule | undefined>;
}

/** The way to the hub. */
export interface Link {
  readonly transport: Transport;
  /** What the hub has reached through this gateway; absent: it may reach nothing. */
  readonly forwards?: () => ForwardStatus;
}

/** A running gateway. */
export interface Gateway {
  /** `host:port` of the MQTT broker, URL of the local API. */
  readonly addresses: {
    readonly broker: string;
    readonly api: string;
    /** Of the broker's door with TLS, where there is one. */
    readonly 'broker-tls'?: string;
  };
  status(): GatewayStatus;
  /** In reverse order of the start; each part says goodbye. */
  stop(): Promise<void>;
}

/**
 * Puts the gateway together and starts it. Rejects with EDGE_LOCKED, EDGE_STORAGE(_CORRUPT),
 * EDGE_CONFIG (an address that cannot be listened on) or EDGE_CERTIFICATE; then nothing is left running.
 */
export async function startGateway(config: GatewayConfig, ports: GatewayPorts): Promise<Gateway> {
  const teardown = new Teardown(ports.log);
  try {
    return await start(config, ports, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(
  config: GatewayConfig,
  ports: GatewayPorts,
  teardown: Teardown,
): Promise<Gateway> {
  const { random, log, software } = ports;
  const { node, dataDir, devices } = config;

  const flash = new Flash({ clock: ports.clock, budgetBytes: config.flashBudget * 1_000_000 });
  const store = await openGatewayStore(dataDir, flash, ports, teardown);
  const meta = await MetaStore.open(store, ports);
  teardown.add('metamanager', () => meta.close());
  const clock = new WallClock(ports.clock, keptFloorMs(meta), await readUptime(ports.clock));
  const startedAtMs = clock.now();
  const time = new TimeKeeper(clock, { meta, log });
  time.start();
  teardown.add('time', () => time.stop());
  const history = await openHistory(config, { meta, flash, clock, log });
  teardown.add('history', () => history?.close());
  const twins = new DeviceTwin({ meta, devices, clock, log, history });
  teardown.add('devicetwin', () => twins.stop());

  const clients = new ClientRegistry(dataDir, { clock, log });
  await clients.start();
  teardown.add('mqtt clients', () => clients.stop());
  const { listen, credentials, tls } = config.broker;
  const eventBus = new EventBus({
    ...{ twins, node, listen, ...(tls === undefined ? {} : { tls }) },
    credentials: { clients, isRequired: credentials === 'required' },
    ...{ clock, random, log },
  });
  const { address, secure } = await eventBus.start();
  teardown.add('eventbus', () => eventBus.stop());
  const broker = `${address.host}:${address.port}`;
  log.info('broker-listening', { address: broker });
  sayExposed(log, { name: 'broker', ...address }, EXPOSED.broker);
  if (secure !== undefined) sayExposed(log, { name: 'broker-tls', ...secure }, EXPOSED.brokerTls);

  // Devices are heard by now. HTTP, TLS and what else the rest needs is loaded only here.
  const { Uplink } = await import('./edgehub/uplink.js');
  const { MetaServer } = await import('./metaserver/meta-server.js');
  const { transport, forwards } = await ports.link();
  const { loadMapper: load } = ports;
  const mappers = new MapperRunner({ twins, clock, random, log, load });
  const runner = new CommandRunner({
    ...{ twins, clock, lanes: mappers.lanes },
    mapper: (protocolName) => mappers.mapper(protocolName),
    external: (request) => eventBus.command(request),
  });
  const commands = new CommandService({ meta, runner, clock, log });
  teardown.add('commands', () => commands.stop());
  const alarms = new AlarmBook(meta, clock);
  const { hub, syncWindowMs, fallback } = config;
  const uplink = new Uplink({
    ...{ clock, random, log, software, transport },
    ...{ meta, twins, dataDir, hub, syncWindowMs, fallback },
    care: alarms,
    onTime: (wallMs) => time.learn(wallMs),
    channels: [
      ...[time, commands],
      ...(history === undefined ? [] : [new SampleChannel(history, meta, log)]),
    ],
  });

  const present = (): PresentStatus => ({
    node,
    software,
    uptimeMs: Math.round(clock.now() - startedAtMs),
    ...(config.fallback === undefined ? {} : { fallback: config.fallback }),
    hub: uplink.status(),
    store: store.stats(),
    time: time.status(),
    broker: { address: broker, ...brokerStatus(eventBus) },
    ...mappers.status(),
    commands: commands.status(),
    ...(history === undefined ? {} : { history: history.status() }),
    ...(forwards === undefined ? {} : { forward: forwards() }),
    devices: twins.devices().length,
    refusedDevices: Object.fromEntries(twins.refused()),
    memoryBytes: process.memoryUsage.rss(),
  });
  const status = (): GatewayStatus => withAlarms(present(), alarms);
  const metaServer = new MetaServer({
    ...{ twins, history, status, alarms, listen: config.api.listen, dataDir },
    backup: () =>
      backupOfStore(store, {
        program: 'edgetwin',
        software,
        node,
        made: isoTime(clock.wallTime()) ?? '',
      }),
    ...{ clock, random, log },
  });
  const { url } = await metaServer.start();
  teardown.add('metaserver', () => metaServer.stop());
  sayExposed(log, { name: 'api', ...config.api.listen }, EXPOSED.api);

  teardown.add('mappers', () => mappers.stop());
  await mappers.start(await modulesFor(config, ports));
  teardown.add('edgehub', () => uplink.stop());
  await uplink.start();
  const addresses = {
    ...{ broker, api: url },
    ...(secure === undefined ? {} : { 'broker-tls': `${secure.host}:${secure.port}` }),
  };
  return { addresses, status, stop: () => teardown.run() };
}

async function openGatewayStore(
  dataDir: string,
  flash: Flash,
  { clock, random, log }: GatewayPorts,
  teardown: Teardown,
): Promise<Store<GatewayTables>> {
  const files = await openFileStorage(dataDir);
  const lock = await lockFolder(dataDir);
  const storage = lock.guard(files);
  teardown.add('lock', () => lock.release());
  await finishRestore(dataDir, random);
  const store = await openStore<GatewayTables>(storage, { clock, random, log, flash });
  teardown.add('store', () => store.close());
  return store;
}

async function modulesFor(
  { devices }: GatewayConfig,
  { loadMapper }: GatewayPorts,
): Promise<readonly MapperModule[]> {
  const names = new Set(devices.map((device) => device.protocol.protocolName));
  const modules = await Promise.all([...names].map((name) => loadMapper(name)));
  return modules.filter((module) => module !== undefined);
}

type PresentStatus = Omit<GatewayStatus, 'alarms' | 'undelivered'>;

/** Alarms follow from what else the status says, and from what happened. */
function withAlarms(status: PresentStatus, book: AlarmBook): GatewayStatus {
  const alarms = [...standingAlarms(status), ...book.raised()];
  return { ...status, alarms, undelivered: book.undelivered() };
}

function brokerStatus(eventBus: EventBus): { clients: number; counters: Record<string, number> } {
  const counters = eventBus.stats();
  return { clients: counters['clients'] ?? 0, counters };
}
