import type { Aedes, AuthenticateError, Client, ConnectPacket, Subscription } from 'aedes';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { BrokerClient, BrokerGate, ConnectVerdict, PublishVerdict } from './broker-port.js';
import { NOWHERE } from './dispatcher.js';
import type { EventBusLimits } from './limits.js';
import type { LogLimiter } from './log-limiter.js';
import { bytesOf } from './payload-bytes.js';
import { SocketGuard } from './socket-guard.js';
import { isTopicFilter, isTopicName } from './topic-filter.js';

type PublishPacket = Parameters<Aedes['authorizePublish']>[1];
type PublishDone = (error?: Error | null) => void;

interface ClientState {
  readonly guard: SocketGuard | undefined;
  readonly granted: Set<string>;
  readonly willTopic: string | undefined;
  readonly badId: boolean;
  readonly isIdMadeUp: boolean;
  client: BrokerClient | undefined;
  /** Publishes whose verdict is awaited. */
  pending: number;
  held: boolean;
}

export interface ClientGateOptions {
  readonly limits: EventBusLimits;
  readonly log: Log;
  readonly quiet: LogLimiter;
  readonly gate: BrokerGate;
  /** True when this QoS 2 message came before and is repeated. */
  readonly hasInbound: (clientId: string, messageId: number) => boolean;
}

/** CONNACK return codes, MQTT 3.1.1 section 3.2.2.3. */
const RETURN_CODES = {
  'bad-id': 2,
  unavailable: 3,
  'bad-credentials': 4,
  'bad-certificate': 5,
  'not-authorized': 5,
} as const;

const CONTROL = /[\0-\x1f\x7f\uFFFD]/;

/** Stands between Aedes' hooks and the BrokerGate, with the checks that Aedes leaves out. */
export class ClientGate {
  readonly counters = {
    connectsRefused: 0,
    publishesDropped: 0,
    publishesClosed: 0,
    subscriptionsRefused: 0,
  };
  readonly #options: ClientGateOptions;
  readonly #states = new WeakMap<object, ClientState>();
  readonly #clients = new WeakMap<SocketGuard, BrokerClient>();

  constructor(options: ClientGateOptions) {
    this.#options = options;
  }

  guardOf(client: object): SocketGuard | undefined {
    return this.#states.get(client)?.guard;
  }

  clientOf(guard: SocketGuard): BrokerClient | undefined {
    return this.#clients.get(guard);
  }

  isGranted(client: object, filter: string): boolean {
    return this.#states.get(client)?.granted.has(filter) ?? false;
  }

  unsubscribed(client: object, filters: readonly string[]): void {
    const granted = this.#states.get(client)?.granted;
    for (const filter of filters) granted?.delete(filter);
  }

  preConnect(client: Client, packet: ConnectPacket): void {
    this.#states.set(client, {
      guard: client.conn instanceof SocketGuard ? client.conn : undefined,
      granted: new Set(),
      willTopic: packet.will?.topic,
      isIdMadeUp: packet.clientId === '',
      badId: !this.#isClientId(packet.clientId, packet.clean ?? false),
      client: undefined,
      pending: 0,
      held: false,
    });
  }

  async authenticate(
    client: Client,
    username: string | undefined,
    password: Uint8Array | undefined,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): Promise<void> {
    const verdict = await this.#judge(client, username, password);
    if (verdict === 'accepted') {
      done(null, true);
      return;
    }
    this.counters.connectsRefused++;
    this.#options.quiet.warn('connect-refused', { reason: verdict, client: client.id });
    const refusal = new EdgeError('EDGE_UNAUTHENTICATED', `CONNECT refused: ${verdict}`);
    done(Object.assign(refusal, { returnCode: RETURN_CODES[verdict] }), null);
  }

  authorizePublish(aedesClient: Client | null, packet: PublishPacket, done: PublishDone): void {
    const { limits, hasInbound, gate } = this.#options;
    const state = aedesClient === null ? undefined : this.#states.get(aedesClient);
    const client = state?.client;
    if (state === undefined || client === undefined) {
      done(new EdgeError('EDGE_UNAUTHENTICATED', 'publish without a client'));
      return;
    }
    if (!isTopicName(packet.topic, limits)) {
      done(new EdgeError('EDGE_MALFORMED', 'the topic of a publish is not valid'));
      return;
    }
    if (packet.topic.startsWith('$')) packet.retain = false; // events are not state
    // Aedes asks before it looks for a repeated QoS 2 message: its effect has happened.
    if (packet.qos === 2 && hasInbound(client.id, packet.messageId ?? 0)) {
      done(null);
      return;
    }
    const { topic, qos, retain } = packet;
    const verdict = gate.publish(client, { topic, payload: bytesOf(packet.payload), qos, retain });
    if (typeof verdict === 'string') this.#conclude(verdict, packet, done);
    else void this.#wait(state, verdict, packet, done);
  }

  authorizeSubscribe(
    aedesClient: Client,
    subscription: Subscription,
    done: (error: Error | null, subscription?: Subscription | null) => void,
  ): void {
    const { limits, gate, quiet } = this.#options;
    const state = this.#states.get(aedesClient);
    const filter = subscription.topic;
    if (state?.client === undefined || !isTopicFilter(filter, limits)) {
      done(new EdgeError('EDGE_MALFORMED', 'a topic filter is not valid'));
      return;
    }
    const full = state.granted.size >= limits.subscriptionsPerClient && !state.granted.has(filter);
    // Shared subscriptions are of MQTT 5: here it would be a filter that matches nothing.
    const shared = filter.startsWith('$share/');
    if (full || shared || filter === NOWHERE || !gate.subscribe(state.client, filter)) {
      this.counters.subscriptionsRefused++;
      quiet.warn('subscription-refused', { client: state.client.id, filter, full });
      done(null, null); // SUBACK 0x80 [MQTT-3.8.4-5]
      return;
    }
    state.granted.add(filter);
    done(null, subscription);
  }

  /** An empty id asks for a clean session [MQTT-3.1.3-8]; no id may forge lines of a log. */
  #isClientId(id: string, clean: boolean): boolean {
    if (id === '') return clean;
    return id.length <= this.#options.limits.clientIdChars && !CONTROL.test(id);
  }

  async #judge(
    client: Client,
    username: string | undefined,
    password: Uint8Array | undefined,
  ): Promise<ConnectVerdict> {
    const { limits, gate, log } = this.#options;
    const state = this.#states.get(client);
    if (state === undefined || state.badId) return 'bad-id';
    const { willTopic, isIdMadeUp } = state;
    if (willTopic !== undefined && !isTopicName(willTopic, limits)) return 'not-authorized';
    const { remoteAddress: address = '', secure } = state.guard ?? {};
    const known = { id: client.id, address, username, secure };
    state.client = known;
    if (state.guard !== undefined) this.#clients.set(state.guard, known);
    try {
      return await gate.connect({ client: known, isIdMadeUp, password, willTopic });
    } catch (error) {
      log.error('connect-check-failed', { error });
      return 'not-authorized';
    }
  }

  async #wait(
    state: ClientState,
    verdict: Promise<PublishVerdict>,
    packet: PublishPacket,
    done: PublishDone,
  ): Promise<void> {
    const { pendingPublishes } = this.#options.limits;
    state.pending++;
    if (state.pending >= pendingPublishes && !state.held) {
      state.held = true;
      state.guard?.hold();
    }
    let decided: PublishVerdict = 'close';
    try {
      decided = await verdict;
    } catch (error) {
      this.#options.log.error('publish-check-failed', { error });
    }
    state.pending--;
    if (state.held && state.pending < pendingPublishes / 2) {
      state.held = false;
      state.guard?.release();
    }
    this.#conclude(decided, packet, done);
  }

  #conclude(verdict: PublishVerdict, packet: PublishPacket, done: PublishDone): void {
    if (verdict === 'close') {
      this.counters.publishesClosed++;
      done(new EdgeError('EDGE_STORAGE', 'the message could not be accepted'));
      return;
    }
    if (verdict === 'drop') {
      this.counters.publishesDropped++;
      packet.topic = NOWHERE;
      packet.payload = Buffer.alloc(0);
      packet.retain = false;
    }
    done(null);
  }
}
