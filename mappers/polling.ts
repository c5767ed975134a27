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
  readonly #pollers = new Map<DeviceId, DevicePoller>();
  #stopped = false;

  constructor(options: PollingOptions) {
    this.#options = options;
  }

  async start(devices: readonly MappedDevice[]): Promise<void> {
    for (const { device, applied } of devices) {
      const driver = await this.#options.openDriver(device);
      if (this.#stopped) return;
      const poller = new DevicePoller(device, applied, driver, this.#options.host);
      this.#pollers.set(device.id, poller);
      poller.start();
    }
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const poller = this.#pollers.get(request.device);
    if (poller !== undefined) return poller.write(request);
    const message = `${request.device} is not served by this mapper`;
    return { ok: false, code: 'EDGE_NO_DEVICE', message, retry: false };
  }

  status(): MapperStatus {
    const pollers = [...this.#pollers.values()];
    const counters: Record<string, number> = { ...this.#options.counters?.() };
    for (const poller of pollers)
      for (const [name, count] of Object.entries(poller.counters))
        counters[name] = (counters[name] ?? 0) + count;
    return {
      protocolName: this.#options.protocolName,
      devices: pollers.map((poller) => poller.status()),
      counters,
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const ended = [...this.#pollers.values()].map((poller) => poller.stop());
    await this.#options.close();
    await Promise.all(ended);
  }
}
