import type { Clock, Timer } from '#protocol/clock.js';
import type { Device, DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type {
  Mapper,
  MapperHost,
  MapperModule,
  MapperStatus,
  ReportBatch,
} from '#protocol/mapper-port.js';
import { randomId, type Random } from '#protocol/random.js';
import type { Version } from '#protocol/twin.js';
import { WriteLanes } from '#protocol/write-lanes.js';
import { DesiredWriter } from './desired-writer.js';
import { MAPPER_LIMITS } from './limits.js';
import { MqttConnection, type MqttSettings } from './mqtt-connection.js';
import { MqttCommands } from './mqtt-commands.js';
import { formatReport, parseTwinPayload, type TwinPayload } from './mqtt-payload.js';

export interface MqttAdapterOptions extends MqttSettings {
  readonly module: MapperModule;
  readonly devices: readonly Device[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface Report {
  readonly settle: (error?: EdgeError) => void;
  readonly timer: Timer;
}

/**
 * Runs a mapper in a process of its own, over the gateway's MQTT broker: readings go out as
 * `twin/update` and are durable with its `twin/update/result`; desired values come in by
 * `twin/get/result` and `twin/update/delta` (docs/mappers.md).
 */
export class MqttAdapter {
  readonly #options: MqttAdapterOptions;
  readonly #devices: ReadonlyMap<DeviceId, Device>;
  readonly #connection: MqttConnection;
  readonly #reports = new Map<string, Report>();
  /** What the gateway has said of each device, until the mapper is started with it. */
  readonly #heard = new Map<DeviceId, TwinPayload>();
  readonly #stopping = new AbortController();
  #mapper: Mapper | undefined;
  #writer: DesiredWriter | undefined;
  #commands: MqttCommands | undefined;
  #complete: () => void = () => undefined;

  constructor(options: MqttAdapterOptions) {
    this.#options = options;
    this.#devices = new Map(options.devices.map((device) => [device.id, device]));
    const filters = options.devices.flatMap(({ id }) =>
      (['twin/update/result', 'twin/update/delta', 'twin/get/result', 'command'] as const).map(
        (action) => topic(id, action),
      ),
    );
    const events = {
      ready: () => this.#ask(),
      lost: () => this.#fail(),
      message: (name: string, payload: Uint8Array) => this.#message(name, payload),
    };
    this.#connection = new MqttConnection(options, filters, events, options);
  }

  /** Resolves when the mapper runs; the gateway may take its time, a broker away is tried again. */
  async start(): Promise<void> {
    const { module, devices } = this.#options;
    const complete = new Promise<void>((resolve) => (this.#complete = resolve));
    await this.#connection.open();
    const { signal } = this.#stopping;
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([complete, stopped]);
    if (signal.aborted) return;
    this.#mapper = module.create(this.#host());
    this.#takeOver(this.#mapper);
    await this.#mapper.start(
      devices.map((device) => ({ device, applied: labels(this.#heard.get(device.id)) })),
    );
    for (const device of devices) {
      const heard = this.#heard.get(device.id);
      if (heard !== undefined) this.#writer?.heard(device, heard.twin, true);
    }
  }

  status(): MapperStatus | undefined {
    return this.#mapper?.status();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#writer?.stop();
    await this.#mapper?.stop();
    this.#fail();
    await this.#connection.close();
  }

  #takeOver(mapper: Mapper): void {
    const { clock, log } = this.#options;
    const lanes = new WriteLanes();
    const writer = new DesiredWriter(mapper, this.#options, lanes);
    this.#writer = writer;
    this.#commands = new MqttCommands({
      ...{ mapper, lanes, clock },
      label: (device, property) => writer.label(device, property),
      answer: (device, payload) => {
        // Whoever asked finds no answer, and calls its effect unknown.
        this.#connection
          .publish(topic(device.id, 'command/result'), payload)
          .catch((cause: unknown) => log.warn('command-result-lost', { device: device.id, cause }));
      },
    });
  }

  #host(): MapperHost {
    const { clock, random, log } = this.#options;
    return { clock, random, log, report: (batch) => this.#report(batch) };
  }

  async #report({ device, readings }: ReportBatch): Promise<void> {
    const { clock, random } = this.#options;
    if (this.#reports.size >= MAPPER_LIMITS.mqttReportsUnderWay)
      throw new EdgeError('EDGE_LIMIT', 'too many reports wait for the gateway');
    const eventId = randomId(random);
    const settled = new Promise<void>((resolve, reject) => {
      const settle = (error?: EdgeError): void => {
        this.#reports.get(eventId)?.timer.cancel();
        this.#reports.delete(eventId);
        if (error === undefined) resolve();
        else reject(error);
      };
      const timer = clock.setTimer('mqtt report', MAPPER_LIMITS.mqttReportMs, () =>
        settle(new EdgeError('EDGE_TIMEOUT', 'the gateway did not answer the report')),
      );
      this.#reports.set(eventId, { settle, timer });
    });
    const payload = formatReport(eventId, clock.wallTime(), readings);
    this.#connection
      .publish(topic(device, 'twin/update'), payload)
      .catch((thrown: unknown) => this.#reports.get(eventId)?.settle(EdgeError.from(thrown)));
    await settled;
  }

  /** After each connect: what is desired may have changed meanwhile. */
  #ask(): void {
    const { clock, random, log } = this.#options;
    for (const id of this.#devices.keys()) {
      const body = { event_id: randomId(random), timestamp: clock.wallTime() };
      this.#connection
        .publish(topic(id, 'twin/get'), JSON.stringify(body))
        .catch((cause: unknown) => log.debug('mqtt-get-failed', { device: id, cause }));
    }
  }

  #message(name: string, payload: Uint8Array): void {
    for (const [id, device] of this.#devices) {
      if (!name.startsWith(topic(id, ''))) continue;
      if (name === topic(id, 'command')) {
        if (this.#commands?.heard(device, payload) !== true)
          this.#options.log.warn('mqtt-command-dropped', { device: id });
        return;
      }
      const parsed = parseTwinPayload(payload, device.properties);
      if (parsed === undefined) {
        this.#options.log.warn('mqtt-payload-malformed', { topic: name });
        return;
      }
      if (name === topic(id, 'twin/update/result')) {
        this.#reports.get(parsed.eventId)?.settle(parsed.error);
      } else {
        this.#heardOf(device, parsed, name === topic(id, 'twin/get/result'));
      }
      return;
    }
  }

  #heardOf(device: Device, parsed: TwinPayload, whole: boolean): void {
    if (parsed.error !== undefined)
      this.#options.log.warn('mqtt-device-refused', { device: device.id, cause: parsed.error });
    if (this.#writer !== undefined) {
      this.#writer.heard(device, parsed.twin, whole);
      return;
    }
    if (whole) this.#heard.set(device.id, parsed);
    if (this.#heard.size === this.#devices.size) this.#complete();
  }

  /** Without a connection no answer comes. */
  #fail(): void {
    for (const { settle } of [...this.#reports.values()])
      settle(new EdgeError('EDGE_CONNECTION', 'the connection to the broker was lost'));
  }
}

function labels(heard: TwinPayload | undefined): ReadonlyMap<string, Version> {
  const found = new Map<string, Version>();
  for (const [name, { appliedVersion }] of heard?.twin ?? [])
    if (appliedVersion !== undefined) found.set(name, appliedVersion);
  return found;
}

function topic(device: DeviceId, action: string): string {
  return `$hw/events/device/${device}/${action}`;
}
