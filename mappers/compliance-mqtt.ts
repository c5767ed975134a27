import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Aedes, type AedesPublishPacket } from 'aedes';
import type { TestFn } from 'ava';
import { isErrorCode } from '#protocol/errors.js';
import type { Reading } from '#protocol/mapper-port.js';
import { formatVersion, parseVersion, type Version } from '#protocol/twin.js';
import { FAST, mapperCompliance, SLOW, START_LABEL, type ScriptedDevice } from './compliance.js';

/**
 * The compliance suite for a mapper in another process, in any language: `start` starts it for the
 * device `default/scripted` with the properties `fast` (read every 20 ms) and `slow` (every hour),
 * in front of the scripted device, at the broker of the gateway; it resolves with the way to end it.
 */
export function mqttCompliance(
  test: TestFn,
  name: string,
  start: (device: ScriptedDevice, gateway: StandInGateway) => Promise<() => Promise<void>>,
): void {
  mapperCompliance(test, name, async (device) => {
    const gateway = new StandInGateway();
    await gateway.open();
    const stop = await start(device, gateway);
    return {
      readings: gateway.readings,
      desire: (property, value, version) => gateway.desire(property, String(value), version),
      stop,
      settle: () => new Promise((resolve) => setImmediate(resolve)),
      close: async () => {
        await stop();
        await gateway.close();
      },
    };
  });
}

/** The topics of `complianceDevice`. */
const TOPIC = '$hw/events/device/default/scripted';

interface Update {
  readonly event_id: string;
  readonly twin: Record<string, { actual: { value: string; metadata: Record<string, unknown> } }>;
}

/** A broker with the least of an EventBus: it records, answers, and says what is expected. */
export class StandInGateway {
  readonly readings: Reading[] = [];
  readonly expected = new Map<string, { value: string; version: Version }>();
  /** Code with which updates are refused; none are while it is undefined. */
  refusal: string | undefined;
  /** Updates are swallowed: no result ever comes. */
  mute = false;
  updates = 0;
  readonly results: Record<string, unknown>[] = [];
  #broker: Aedes | undefined;
  #close: () => Promise<void> = async () => undefined;
  port = 0;

  async open(port = 0): Promise<void> {
    const broker = await Aedes.createBroker();
    const server = createServer(broker.handle);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#broker = broker;
    this.port = (server.address() as AddressInfo).port;
    broker.on('publish', (packet, client) => {
      if (client !== null) this.#heard(packet);
    });
    this.#close = async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      await closed;
    };
  }

  close(): Promise<void> {
    return this.#close();
  }

  desire(property: string, value: string, version: Version): void {
    this.expected.set(property, { value, version });
    const twin = this.#twin();
    this.say('twin/update/delta', {
      event_id: '',
      timestamp: 0,
      twin,
      delta: { [property]: value },
    });
  }

  say(action: string, body: object | string): void {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    this.#broker?.publish(
      { cmd: 'publish', qos: 1, dup: false, retain: false, topic: `${TOPIC}/${action}`, payload },
      () => undefined,
    );
  }

  #heard({ topic, payload }: AedesPublishPacket): void {
    if (!topic.startsWith(`${TOPIC}/`)) return;
    const body = JSON.parse(payload.toString()) as Update;
    if (topic.endsWith('/command/result')) this.results.push({ ...body });
    const { event_id } = body;
    if (topic.endsWith('/twin/get'))
      this.say('twin/get/result', { event_id, timestamp: 0, twin: this.#twin() });
    if (!topic.endsWith('/twin/update')) return;
    this.updates += 1;
    if (this.mute) return;
    if (this.refusal !== undefined) {
      const error = { code: 400, reason: 'refused', error: this.refusal };
      this.say('twin/update/result', { event_id, timestamp: 0, ...error });
      return;
    }
    for (const [property, { actual }] of Object.entries(body.twin))
      this.readings.push(reading(property, actual));
    this.say('twin/update/result', { event_id, timestamp: 0, twin: body.twin });
  }

  #twin(): object {
    const twin = ([FAST, SLOW] as const).map((name) => {
      const wish = this.expected.get(name);
      const actual = {
        value: '10',
        metadata: { appliedVersion: formatVersion(START_LABEL), quality: 'good', timestamp: 1 },
      };
      const metadata = wish && { version: formatVersion(wish.version) };
      return [
        name,
        wish === undefined ? { actual } : { actual, expected: { value: wish.value, metadata } },
      ];
    });
    return Object.fromEntries(twin) as object;
  }
}

function reading(
  property: string,
  { value, metadata }: { value: string; metadata: Record<string, unknown> },
): Reading {
  const { quality, reason, timestamp, appliedVersion } = metadata;
  if (quality !== 'good' && quality !== 'uncertain' && quality !== 'bad')
    throw new Error('metadata.quality is none of good, uncertain and bad');
  if (typeof timestamp !== 'number')
    throw new Error('metadata.timestamp is no number of milliseconds');
  const label = parseVersion(String(appliedVersion));
  if (label === undefined) throw new Error('metadata.appliedVersion is no version such as 1.5');
  return {
    property,
    value: quality === 'bad' ? null : Number(value),
    quality,
    ...(typeof reason === 'string' && isErrorCode(reason) ? { reason } : {}),
    timestamp,
    appliedVersion: label,
  };
}
