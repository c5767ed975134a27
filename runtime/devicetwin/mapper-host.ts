import { sleep } from '#protocol/clock.js';
import type { Clock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
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
}

/** What the mapper of one protocol is given. It can report for devices of its protocol only. */
export function createMapperHost(protocolName: string, options: MapperHostOptions): MapperHost {
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
  #stopping = new AbortController();

  constructor(options: MapperHostOptions) {
    this.#options = options;
    this.#log = options.log.child('mappers');
    this.#writer = new Writer({
      ...options,
      lanes: this.lanes,
      mapper: (name) => this.#running.get(name),
    });
  }

  /** The mapper of a protocol, once it runs. */
  mapper(protocolName: string): Mapper | undefined {
    return this.#running.get(protocolName);
  }

  /** Resolves when each module was tried once; those that failed are tried again later. */
  async start(modules: readonly MapperModule[]): Promise<void> {
    this.#writer.start();
    await Promise.all(
      modules.map(async (module) => {
        const devices = this.#devicesOf(module.protocolName);
        if (devices.length === 0 || (await this.#startOne(module))) return;
        void this.#startLater(module);
      }),
    );
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
    this.#writer.stop();
    const limit = sleep(this.#options.clock, 'mapper-stop', GATEWAY_LIMITS.mapperStopMs);
    const stops = [...this.#running].map(async ([protocol, mapper]) => {
      try {
        await mapper.stop();
      } catch (error) {
        this.#log.error('mapper-stop-threw', { protocol, error });
      }
    });
    this.#running.clear();
    await Promise.race([Promise.all(stops), limit]);
  }

  async #startOne(module: MapperModule): Promise<boolean> {
    const protocol = module.protocolName;
    let mapper: Mapper | undefined;
    try {
      mapper = module.create(createMapperHost(protocol, this.#options));
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

  async #startLater(module: MapperModule): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stopping;
    let ceilingMs: number = GATEWAY_LIMITS.mapperRetryFirstMs;
    for (;;) {
      await sleep(clock, 'mapper-retry', ceilingMs * (0.5 + random.unit() / 2), signal);
      if (signal.aborted || (await this.#startOne(module))) return;
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

function mapped({ device, properties }: TwinView): MappedDevice & { readonly device: Device } {
  return { device, applied: new Map(properties.map((p) => [p.property.name, p.applied])) };
}
