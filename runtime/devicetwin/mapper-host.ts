import { sleep } from '#protocol/clock.js';
import type { Clock } from '#protocol/clock.js';
import type { Device, DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type {
  MappedDevice,
  Mapper,
  MapperHost,
  MapperModule,
  MapperStatus,
} from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import { WriteLanes } from '#protocol/write-lanes.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { DeviceTwin } from './device-twin.js';
import type { TwinView } from './twin-access.js';
import { Writer } from './writer.js';

export interface MapperHostOptions {
  readonly twins: DeviceTwin;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The mapper of devices that the hub creates while this gateway runs, if one runs here. */
  readonly load?: (protocolName: string) => Promise<MapperModule | undefined>;
}

/**
 * What the mapper of one protocol is given. It can report for devices of its protocol only, and
 * only for those that `isServed`: not for an earlier life of one, nor by earlier settings.
 */
export function createMapperHost(
  protocolName: string,
  options: MapperHostOptions,
  isServed: (device: Device) => boolean = () => true,
): MapperHost {
  const { twins, clock, random, log } = options;
  return {
    clock,
    random,
    log: log.child('mapper', { protocol: protocolName }),
    report: async (batch) => {
      const view = twins.device(batch.device);
      if (view !== undefined && view.device.protocol.protocolName !== protocolName)
        throw new EdgeError('EDGE_NO_DEVICE', `${batch.device} is not a ${protocolName} device`, {
          hint: 'Report the devices that `start` was given.',
        });
      if (view !== undefined && !isServed(view.device))
        throw new EdgeError('EDGE_INCARNATION', `${batch.device} has changed since`, {
          hint: 'The mapper starts anew with the device as it is now.',
        });
      await twins.report(batch);
    },
  };
}

/**
 * The mappers of this process: makes them, starts them, tries again when one fails to start, and
 * writes through them. A mapper that throws hurts nobody but itself.
 */
export class MapperRunner {
  #options: MapperHostOptions;
  #log: Log;
  #writer: Writer;
  /** Keeps desired writes and commands of one property apart. */
  readonly lanes = new WriteLanes();
  #running = new Map<string, Mapper>();
  #failing = new Map<string, string>();
  #modules = new Map<string, MapperModule>();
  /** What each mapper serves: reports of others are refused. */
  #served = new Map<string, Map<DeviceId, Device>>();
  /** Devices whose mapper is about to begin with them. */
  #starting = new Set<Device>();
  /** Protocols whose devices have changed, and the restart that is under way. */
  #changed = new Set<string>();
  #restarting: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #stopping = new AbortController();

  constructor(options: MapperHostOptions) {
    this.#options = options;
    this.#log = options.log.child('mappers');
    this.#writer = new Writer({
      ...options,
      lanes: this.lanes,
      mapper: (device) => this.#mapperOf(device),
    });
  }

  /** The mapper of a protocol, once it runs. */
  mapper(protocolName: string): Mapper | undefined {
    return this.#running.get(protocolName);
  }

  /** Resolves when each module was tried once; those that failed are tried again later. */
  async start(modules: readonly MapperModule[]): Promise<void> {
    this.#writer.start();
    for (const module of modules) this.#modules.set(module.protocolName, module);
    await Promise.all(modules.map((module) => this.#startOrRetry(module)));
    this.#unsubscribe = this.#options.twins.subscribe((change) => {
      if (change.kind === 'membership') this.#follow();
    });
    this.#follow();
  }

  /** Between two lives of a device nobody writes to it. */
  #mapperOf(device: Device): Mapper | undefined {
    const { protocolName } = device.protocol;
    const isServed = this.#served.get(protocolName)?.get(device.id) === device;
    return isServed && !this.#starting.has(device) ? this.#running.get(protocolName) : undefined;
  }

  /**
   * Devices have come, gone or changed: their mapper goes on with those that are there now. Other
   * devices go on undisturbed, unless the mapper can only start anew with all.
   */
  #follow(): void {
    const wanted = new Map<string, Map<DeviceId, Device>>();
    for (const { device } of this.#options.twins.devices()) {
      const { protocolName } = device.protocol;
      const devices = wanted.get(protocolName) ?? new Map<DeviceId, Device>();
      wanted.set(protocolName, devices.set(device.id, device));
    }
    for (const protocol of new Set([...wanted.keys(), ...this.#served.keys()]))
      if (!sameDevices(wanted.get(protocol), this.#served.get(protocol)))
        this.#changed.add(protocol);
    if (this.#changed.size > 0) this.#restarting ??= this.#restartChanged();
  }

  async #restartChanged(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    for (const protocol of this.#changed) {
      // A whole list of devices comes one by one.
      await sleep(clock, 'devices-changed', GATEWAY_LIMITS.mapperRestartMs, signal);
      this.#changed.delete(protocol);
      if (signal.aborted) break;
      try {
        await this.#restart(protocol);
      } catch (thrown) {
        this.#log.error('mapper-restart-failed', { protocol, error: EdgeError.from(thrown) });
      }
    }
    this.#restarting = undefined;
  }

  /** Only the devices that have come, gone or changed; false: the mapper has to start anew. */
  async #exchange(protocol: string): Promise<boolean> {
    const mapper = this.#running.get(protocol);
    const served = this.#served.get(protocol);
    const wanted = new Map(this.#devicesOf(protocol).map(({ device }) => [device.id, device]));
    if (mapper?.drop === undefined || served === undefined || wanted.size === 0) return false;
    const gone = [...served].filter(([id, device]) => wanted.get(id) !== device);
    for (const [id] of gone) served.delete(id);
    if (gone.length > 0) await this.#ended(mapper.drop(gone.map(([id]) => id)));
    const come = this.#devicesOf(protocol).filter(({ device }) => !served.has(device.id));
    for (const { device } of come) {
      this.#starting.add(device);
      served.set(device.id, device);
    }
    try {
      if (come.length > 0) await mapper.start(come);
    } finally {
      for (const { device } of come) this.#starting.delete(device);
    }
    for (const { device } of come) this.#writer.checkDevice(device.id);
    return true;
  }

  /** A write that ends later would leave what comes next with labels that are too old. */
  async #ended(stopping: Promise<void>): Promise<void> {
    const { clock } = this.#options;
    const written = stopping.then(() => this.#writer.settled());
    await Promise.race([written, sleep(clock, 'mapper-stop', GATEWAY_LIMITS.mapperStopMs)]);
  }

  async #restart(protocol: string): Promise<void> {
    try {
      if (await this.#exchange(protocol)) return;
    } catch (error) {
      this.#log.error('mapper-exchange-threw', { protocol, error: EdgeError.from(error) });
    }
    const { load } = this.#options;
    const old = this.#running.get(protocol);
    this.#running.delete(protocol);
    this.#failing.delete(protocol);
    if (old !== undefined)
      await this.#ended(
        stopped(old, (error) => this.#log.error('mapper-stop-threw', { protocol, error })),
      );
    const module = this.#modules.get(protocol) ?? (await load?.(protocol));
    if (module === undefined) return;
    this.#modules.set(protocol, module);
    await this.#startOrRetry(module);
  }

  async #startOrRetry(module: MapperModule): Promise<void> {
    const devices = this.#devicesOf(module.protocolName);
    const served = new Map(devices.map(({ device }) => [device.id, device]));
    this.#served.set(module.protocolName, served);
    if (devices.length === 0 || (await this.#startOne(module))) return;
    void this.#startLater(module, served);
  }

  /** One entry a running mapper; a mapper that could not start shows why in `failing`. */
  status(): {
    readonly mappers: readonly MapperStatus[];
    readonly failing: Readonly<Record<string, string>>;
    readonly writer: Readonly<Record<string, number>>;
  } {
    const mappers = [...this.#running].map(([protocolName, mapper]) => {
      try {
        return mapper.status();
      } catch (error) {
        this.#log.error('mapper-status-threw', { protocol: protocolName, error });
        return { protocolName, devices: [], counters: {} };
      }
    });
    const failing = Object.fromEntries(this.#failing);
    return { mappers, failing, writer: this.#writer.counters() };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unsubscribe?.();
    this.#writer.stop();
    const limit = sleep(this.#options.clock, 'mapper-stop', GATEWAY_LIMITS.mapperStopMs);
    const stops = [...this.#running].map(([protocol, mapper]) =>
      stopped(mapper, (error) => this.#log.error('mapper-stop-threw', { protocol, error })),
    );
    this.#running.clear();
    await Promise.race([Promise.all(stops), limit]);
  }

  async #startOne(module: MapperModule): Promise<boolean> {
    const protocol = module.protocolName;
    let mapper: Mapper | undefined;
    try {
      const served = this.#served.get(protocol);
      const isServed = (device: Device): boolean => served?.get(device.id) === device;
      mapper = module.create(createMapperHost(protocol, this.#options, isServed));
      await mapper.start(this.#devicesOf(protocol));
    } catch (error) {
      const failure = EdgeError.from(error);
      this.#failing.set(protocol, `${failure.code}: ${failure.message}`);
      this.#log.error('mapper-start-failed', { protocol, error: failure });
      await mapper?.stop().catch(() => undefined);
      return false;
    }
    if (this.#stopping.signal.aborted) {
      await mapper.stop().catch(() => undefined);
      return true;
    }
    this.#failing.delete(protocol);
    this.#running.set(protocol, mapper);
    for (const { device } of this.#devicesOf(protocol)) this.#writer.checkDevice(device.id);
    return true;
  }

  /** Until it has started, or its devices have changed. */
  async #startLater(module: MapperModule, served: object): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stopping;
    let ceilingMs: number = GATEWAY_LIMITS.mapperRetryFirstMs;
    for (;;) {
      await sleep(clock, 'mapper-retry', ceilingMs * (0.5 + random.unit() / 2), signal);
      if (signal.aborted || this.#served.get(module.protocolName) !== served) return;
      if (await this.#startOne(module)) return;
      ceilingMs = Math.min(ceilingMs * 2, GATEWAY_LIMITS.mapperRetryMaxMs);
    }
  }

  #devicesOf(protocolName: string): MappedDevice[] {
    return this.#options.twins
      .devices()
      .filter(({ device }) => device.protocol.protocolName === protocolName)
      .map(mapped);
  }
}

/** Whatever the mapper does. */
async function stopped(mapper: Mapper, failed: (error: unknown) => void): Promise<void> {
  try {
    await mapper.stop();
  } catch (error) {
    failed(error);
  }
}

function sameDevices(
  a: ReadonlyMap<DeviceId, Device> = new Map(),
  b: ReadonlyMap<DeviceId, Device> = new Map(),
): boolean {
  return a.size === b.size && [...a].every(([id, device]) => b.get(id) === device);
}

function mapped({ device, properties }: TwinView): MappedDevice & { readonly device: Device } {
  return { device, applied: new Map(properties.map((p) => [p.property.name, p.applied])) };
}
