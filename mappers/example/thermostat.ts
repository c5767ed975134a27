import type { Clock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { DeviceIssue, MapperModule, WriteOutcome } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import { ConfigReader } from '../config-reader.js';
import type { Driver, PointResult } from '../driver.js';
import { misconfigured, whyMisconfigured } from '../misconfigured.js';
import { PollingMapper } from '../polling.js';
import type { TcpSettings } from '../tcp-link.js';
import { Conversation } from './conversation.js';

/**
 * The example of mappers/README.md: a thermostat that answers lines of text over TCP. `GET target`
 * is answered with `target 21`, `SET target 22` with `OK`, anything that it refuses with `ERR why`.
 */
export const thermostatModule: MapperModule = {
  protocolName: 'thermostat',
  validate: (device) => readSettings(device).issues,
  create: (host) => {
    const conversations: Conversation[] = [];
    return new PollingMapper({
      protocolName: 'thermostat',
      host,
      openDriver: async (device) => {
        const { settings, issues } = readSettings(device);
        if (settings === undefined) return misconfigured(whyMisconfigured(issues), host.clock);
        const conversation = new Conversation(settings, settings.timeoutMs, host.clock);
        conversations.push(conversation);
        return new ThermostatDriver(conversation, settings.keys, host.clock);
      },
      close: async () => {
        await Promise.all(conversations.map((conversation) => conversation.close()));
      },
    });
  },
};

interface ThermostatSettings extends TcpSettings {
  readonly timeoutMs: number;
  /** The device's own word for each property, by the property's name. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Every fault with the path of its key: `edgetwin check` makes file, line and column of it. */
function readSettings(device: Device): {
  readonly settings: ThermostatSettings | undefined;
  readonly issues: readonly DeviceIssue[];
} {
  const reader = new ConfigReader(device.protocol.configData, ['spec', 'protocol', 'configData']);
  const host = reader.text('host');
  const tcpPort = reader.integer('tcpPort', 1, 65_535, 5025);
  const timeoutMs = reader.integer('timeout', 10, 60_000, 1000);
  reader.unknownKeys();
  const keys = new Map<string, string>();
  device.properties.forEach(({ name, visitor }, index) => {
    if (visitor === undefined) return;
    const path = ['spec', 'properties', index, 'visitors', 'configData'];
    const fields = new ConfigReader(visitor.configData, path, [], reader.issues);
    const key = fields.text('key');
    if (key !== undefined && !/^[a-z]+$/.test(key))
      fields.issue('key', `is ${key}`, 'Words of the thermostat are small letters only.');
    fields.unknownKeys();
    if (key !== undefined) keys.set(name, key);
  });
  const { issues } = reader;
  if (issues.length > 0 || host === undefined || tcpPort === undefined || timeoutMs === undefined)
    return { settings: undefined, issues };
  return { settings: { host, tcpPort, timeoutMs, keys }, issues };
}

class ThermostatDriver implements Driver {
  readonly #conversation: Conversation;
  readonly #keys: ThermostatSettings['keys'];
  readonly #clock: Clock;

  constructor(conversation: Conversation, keys: ThermostatSettings['keys'], clock: Clock) {
    this.#conversation = conversation;
    this.#keys = keys;
    this.#clock = clock;
  }

  async read(properties: readonly Property[]): Promise<readonly PointResult[]> {
    const results: PointResult[] = [];
    for (const { name } of properties) results.push(await this.#readOne(name));
    return results;
  }

  async write({ name }: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome> {
    try {
      const answer = await this.#conversation.ask(
        `SET ${this.#keys.get(name) ?? ''} ${Number(value)}`,
        notAfterMs,
      );
      if (answer === 'OK') return { ok: true };
      return { ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: answer, retry: false };
    } catch (thrown) {
      const { code, message } = EdgeError.from(thrown);
      // Not reached, or perhaps reached: writing the same value again does no harm.
      return { ok: false, code, message, retry: code !== 'EDGE_EXPIRED' };
    }
  }

  async #readOne(property: string): Promise<PointResult> {
    const key = this.#keys.get(property) ?? '';
    const bad = (reason: string, detail: string): PointResult => {
      const timestamp = this.#clock.wallTime();
      return { property, value: null, quality: 'bad', reason, detail, timestamp };
    };
    try {
      const answer = await this.#conversation.ask(`GET ${key}`);
      const [said, number] = answer.split(' ');
      if (said === 'ERR') return bad('EDGE_DEVICE_EXCEPTION', answer);
      if (said !== key || !/^-?\d+(\.\d+)?$/.test(number ?? ''))
        return bad('EDGE_DEVICE_FRAME', `it answered ${JSON.stringify(answer)}`);
      const timestamp = this.#clock.wallTime();
      return { property, value: Number(number), quality: 'good', timestamp };
    } catch (thrown) {
      const { code, message } = EdgeError.from(thrown);
      return bad(code, message);
    }
  }
}
