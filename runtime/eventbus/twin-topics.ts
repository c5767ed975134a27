import type { Clock } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { randomId } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import { depthsOf, deviceTopic, nodeTopic } from '#protocol/topics.js';
import type { DeviceAction, EventTopic, IdDepth } from '#protocol/topics.js';
import type { TwinAccess, TwinChange, TwinView } from '../devicetwin/twin-access.js';
import type { Broker, BrokerClient, Message, PublishVerdict } from './broker-port.js';
import { filterMatches } from './topic-filter.js';
import {
  deltaPayload,
  devicePayload,
  documentPayload,
  errorPayload,
  field,
  findEventId,
  readBody,
  rfc3339,
  twinPayload,
} from './twin-payload.js';
import type { DeviceState, Envelope, JsonObject, PropertyChange } from './twin-payload.js';
import { readTwinUpdate } from './twin-update.js';

export interface TwinTopicsOptions {
  readonly twins: TwinAccess;
  /** The name of this gateway. */
  readonly node: string;
  readonly broker: Pick<Broker, 'publish' | 'filtersFor'>;
  readonly mayWrite: (client: BrokerClient, device: DeviceId) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** KubeEdge's states at HEAD, and `disconnected`, which its own mappers send. */
const STATES: ReadonlySet<unknown> = new Set([
  ...['online', 'offline', 'ok', 'unknown', 'unhealthy', 'disconnected'],
]);
const UNKNOWN_STATE: DeviceState = { state: 'unknown', lastOnline: undefined };

/** Where an answer goes: back on the topic, and so on the id depth, that the client used. */
type Answer = (payload: JsonObject) => void;

/**
 * DeviceTwins under KubeEdge's topics, both ways. Each request is applied in the call that
 * brings it, so in order of arrival, and the verdict resolves when it is durable: so a PUBACK
 * means stored. Every request gets an answer with its event id, errors included.
 */
export class TwinTopics {
  readonly counters = { twinUpdates: 0, requestErrors: 0, storageErrors: 0 };
  readonly #options: TwinTopicsOptions;
  readonly #states = new Map<DeviceId, DeviceState>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: TwinTopicsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.twins.subscribe((change) => this.#changed(change));
  }

  stop(): void {
    this.#unsubscribe?.();
  }

  handle(
    client: BrokerClient,
    topic: EventTopic,
    message: Message,
  ): PublishVerdict | Promise<PublishVerdict> {
    if (topic.kind === 'node')
      return this.#answered(message, this.#answerNode(topic.node), (_body, eventId) =>
        this.#membership(topic.node, eventId),
      );
    if (topic.kind !== 'device') return 'forward';
    const { device, depth, action } = topic;
    switch (action) {
      case 'twin/update':
        this.counters.twinUpdates++;
        return this.#answered(
          message,
          this.#answerDevice(device, depth, 'twin/update/result'),
          (body, eventId) => this.#update(client, device, body, eventId),
        );
      case 'twin/get':
        return this.#answered(
          message,
          this.#answerDevice(device, depth, 'twin/get/result'),
          (_body, eventId) => twinPayload(this.#envelope(eventId), this.#twin(device).properties),
        );
      case 'state/update':
        return this.#answered(
          message,
          this.#answerDevice(device, depth, 'state/update/result'),
          (body, eventId) => this.#state(device, body, eventId),
        );
      default:
        return 'forward';
    }
  }

  /** Runs a request and answers it, whatever becomes of it. */
  async #answered(
    message: Message,
    answer: Answer,
    run: (body: JsonObject, eventId: string) => JsonObject | Promise<JsonObject>,
  ): Promise<PublishVerdict> {
    let eventId: string | undefined;
    try {
      const body = readBody(message.payload);
      eventId = findEventId(message.payload, body);
      answer(await run(body, eventId));
      return 'forward';
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      eventId ??= findEventId(message.payload);
      answer(errorPayload(this.#envelope(eventId), error));
      return this.#failed(error, message);
    }
  }

  /** The sender's fault: acknowledged, answered, over. Ours: not acknowledged, so sent again. */
  #failed(error: EdgeError, message: Message): PublishVerdict {
    if (error.remote) {
      this.counters.requestErrors++;
      return 'drop';
    }
    this.counters.storageErrors++;
    if (error.code === 'EDGE_INTERNAL')
      this.#options.log.error('request-failed', { topic: message.topic, error });
    return message.qos > 0 ? 'close' : 'drop';
  }

  async #update(
    client: BrokerClient,
    device: DeviceId,
    body: JsonObject,
    eventId: string,
  ): Promise<JsonObject> {
    const { twins, clock, mayWrite } = this.#options;
    const { readings, writes } = readTwinUpdate(body, this.#twin(device), clock.wallTime());
    if (writes.length > 0 && !mayWrite(client, device))
      throw new EdgeError('EDGE_FORBIDDEN', `this client may not set desired values of ${device}`, {
        hint: 'Let it, with `edgetwin client add --write`, or send `actual` only.',
      });
    const actor = `mqtt:${client.id}`;
    const stored: Promise<unknown>[] = [];
    if (readings.length > 0) stored.push(twins.report({ device, readings }, eventId));
    for (const write of writes) stored.push(twins.writeLocal({ device, ...write, actor }, eventId));
    await Promise.all(stored);
    const named = new Set([...readings, ...writes].map(({ property }) => property));
    const views = this.#twin(device).properties.filter(({ property }) => named.has(property.name));
    return twinPayload(this.#envelope(eventId), views);
  }

  #state(device: DeviceId, body: JsonObject, eventId: string): JsonObject {
    const { clock } = this.#options;
    this.#twin(device);
    const state = field(body, 'state');
    if (typeof state !== 'string' || !STATES.has(state))
      throw new EdgeError('EDGE_MALFORMED', 'the state is not one that exists', {
        hint: `Send one of ${[...STATES].join(', ')}.`,
      });
    const alive = state === 'online' || state === 'ok';
    const before = this.#states.get(device) ?? UNKNOWN_STATE;
    const lastOnline = alive ? clock.wallTime() : before.lastOnline;
    this.#states.set(device, { state, lastOnline });
    const name = device.slice(device.indexOf('/') + 1);
    const shown = { name, state, lastOnlineTime: rfc3339(lastOnline) };
    return { ...this.#envelope(eventId), device: shown };
  }

  #membership(node: string, eventId: string): JsonObject {
    if (node !== this.#options.node)
      throw new EdgeError('EDGE_NO_NODE', `this gateway is ${this.#options.node}`);
    const devices = this.#options.twins.devices().map(({ device }) => this.#member(device));
    return { ...this.#envelope(eventId), devices };
  }

  #member({ id, description }: { id: DeviceId; description?: string }): JsonObject {
    return devicePayload(id, description ?? '', this.#states.get(id) ?? UNKNOWN_STATE);
  }

  #changed(change: TwinChange): void {
    if (change.kind === 'membership') {
      this.#membershipChanged(change);
      return;
    }
    const { device } = change;
    const changes: PropertyChange[] =
      change.kind === 'reported'
        ? change.changes.map(({ view, before }) => ({ view, reportedBefore: before }))
        : change.changes.map(({ view, before }) => ({ view, desiredBefore: before }));
    const envelope = (): Envelope =>
      this.#envelope(change.eventId ?? randomId(this.#options.random));
    this.#announce(device, 'twin/update/document', () => documentPayload(envelope(), changes));
    this.#announce(device, 'twin/update/delta', () => {
      const twin = this.#options.twins.device(device);
      const requested = change.kind === 'desired' ? changes : [];
      const names = new Set(requested.map(({ view }) => view.property.name));
      return twin === undefined ? undefined : deltaPayload(envelope(), twin, names);
    });
  }

  #membershipChanged(change: TwinChange & { kind: 'membership' }): void {
    for (const id of change.removed) this.#states.delete(id);
    this.#send(nodeTopic(this.#options.node, 'membership/updated'), {
      ...this.#envelope(randomId(this.#options.random)),
      added_devices: change.added.map((device) => this.#member(device)),
      removed_devices: change.removed.map((id) => this.#member({ id })),
    });
  }

  /**
   * Published only while somebody asked for it. Under the one-level id as well, when somebody
   * asked for that and does not get the two-level topic anyway (`$hw/#` gets each once).
   */
  #announce(device: DeviceId, action: DeviceAction, build: () => JsonObject | undefined): void {
    const { broker } = this.#options;
    const full = deviceTopic(device, 2, action);
    const topics = depthsOf(device)
      .map((depth) => deviceTopic(device, depth, action))
      .filter((topic) => {
        const filters = broker.filtersFor(topic);
        return filters.some((filter) => topic === full || !filterMatches(filter, full));
      });
    const payload = topics.length === 0 ? undefined : build();
    if (payload !== undefined) for (const topic of topics) this.#send(topic, payload);
  }

  #twin(device: DeviceId): TwinView {
    const twin = this.#options.twins.device(device);
    if (twin !== undefined) return twin;
    throw new EdgeError('EDGE_NO_DEVICE', `this gateway has no device ${device}`, {
      hint: 'Add it to a device document of this gateway, or correct its namespace and name.',
    });
  }

  #answerDevice(device: DeviceId, depth: IdDepth, action: DeviceAction): Answer {
    return (payload) => this.#send(deviceTopic(device, depth, action), payload);
  }

  #answerNode(node: string): Answer {
    return (payload) => this.#send(nodeTopic(node, 'membership/get/result'), payload);
  }

  #envelope(eventId: string): Envelope {
    return { event_id: eventId, timestamp: this.#options.clock.wallTime() };
  }

  #send(topic: string, payload: JsonObject): void {
    const bytes = Buffer.from(JSON.stringify(payload));
    this.#options.broker.publish({ topic, payload: bytes, qos: 1, retain: false });
  }
}
