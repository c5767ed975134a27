import type { Device, DeviceId } from '#protocol/device.js';
import type {
  MappedDevice,
  Mapper,
  MapperHost,
  MapperStatus,
  WriteOutcome,
  WriteRequest,
} from '#protocol/mapper-port.js';
import { DevicePoller } from './device-poller.js';
import type { Driver } from './driver.js';
import { add } from './shared-lines.js';

export interface PollingOptions {
  readonly protocolName: string;
  readonly host: MapperHost;
  openDriver(device: Device): Promise<Driver>;
  /** Counters of the protocol, beside those of the engine. */
  counters?(): Readonly<Record<string, number>>;
  /** Releases ports and connections; ends calls under way. */
  close(): Promise<void>;
}

/** A Mapper over a Driver for each device. */
export class PollingMapper implements Mapper {
  readonly #options: PollingOptions;
  readonly #served = new Map<DeviceId, { poller: DevicePoller; driver: Driver }>();
  /** What was counted of devices that were dropped. */
  readonly #past: Record<string, number> = {};
  #stopped = false;

  constructor(options: PollingOptions) {
    this.#options = options;
  }

  async start(devices: readonly MappedDevice[]): Promise<void> {
    for (const { device, applied } of devices) {
      const driver = await this.#options.openDriver(device);
      if (this.#stopped) return;
      const poller = new DevicePoller(device, applied, driver, this.#options.host);
      this.#served.set(device.id, { poller, driver });
      poller.start();
    }
  }

  async drop(devices: readonly DeviceId[]): Promise<void> {
    await Promise.all(
      devices.map(async (id) => {
        const served = this.#served.get(id);
        this.#served.delete(id);
        if (served === undefined) return;
        const { poller, driver } = served;
        const ended = poller.stop();
        await driver.close?.();
        await ended;
        add(this.#past, poller.counters);
      }),
    );
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const poller = this.#served.get(request.device)?.poller;
    if (poller !== undefined) return poller.write(request);
    const message = `${request.device} is not served by this mapper`;
    return { ok: false, code: 'EDGE_NO_DEVICE', message, retry: false };
  }

  status(): MapperStatus {
    const pollers = [...this.#served.values()].map(({ poller }) => poller);
    const counters: Record<string, number> = { ...this.#options.counters?.(), ...this.#past };
    for (const poller of pollers) add(counters, poller.counters);
    return {
      protocolName: this.#options.protocolName,
      devices: pollers.map((poller) => poller.status()),
      counters,
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const ended = [...this.#served.values()].map(({ poller }) => poller.stop());
    await this.#options.close();
    await Promise.all(ended);
  }
}
