import type { Server, Socket } from 'node:net';
import { Aedes } from 'aedes';
import type { Client } from 'aedes';
import mqtt from 'mqtt-packet';
import type { Clock, Timer } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import type {
  Broker,
  BrokerClient,
  BrokerGate,
  BrokerStats,
  ListenAddress,
  Message,
} from './broker-port.js';
import { ClientGate } from './client-gate.js';
import type { DirectClient } from './direct-delivery.js';
import { Dispatcher } from './dispatcher.js';
import type { EventBusLimits } from './limits.js';
import { listen } from './listener.js';
import { LogLimiter } from './log-limiter.js';
import { bytesOf } from './payload-bytes.js';
import { SessionStore } from './session-store.js';
import type { StoredSubscription } from './session-store.js';
import { newGuardCounters, SocketGuard } from './socket-guard.js';
import type { SecureConnection } from './socket-guard.js';

// Otherwise it keeps a buffer for each of the 65,536 numbers of two bytes: 8 MB.
mqtt.writeToStream.cacheNumbers = false;

/** What Aedes keeps of a client but does not declare. */
interface AedesClient extends Client {
  readonly subscriptions?: Readonly<
    Record<
      string,
      { readonly qos: number; readonly func: (packet: unknown, done: () => void) => void }
    >
  >;
  _nextId?: number;
}

const EXPIRY_CHECK_MS = 60_000;

export interface BrokerOptions {
  readonly listen: ListenAddress;
  readonly limits: EventBusLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: BrokerGate;
}

/**
 * Aedes 1.2 with what it lacks: the socket guard in front, bounded sessions and retained messages
 * behind, an own dispatcher in its middle, and the checks of MQTT 3.1.1 that it leaves out.
 */
export class AedesBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #quiet: LogLimiter;
  readonly #guardCounters = newGuardCounters();
  readonly #counters = { connectionsAccepted: 0, connectionsRefused: 0, clientErrors: 0 };
  readonly #guards = new Set<SocketGuard>();
  readonly #clients: ClientGate;
  readonly #direct = new WeakMap<object, DirectClient>();
  readonly #dispatcher = new Dispatcher();
  readonly #sessions: SessionStore;
  #aedes: Aedes | undefined;
  #server: Server | undefined;
  #expiry: Timer | undefined;

  constructor(options: BrokerOptions) {
    const { clock, limits, log, gate } = options;
    this.#options = options;
    this.#quiet = new LogLimiter(log, clock);
    this.#sessions = new SessionStore({
      limits,
      now: () => clock.now(),
      isGranted: (client, filter) => this.#clients.isGranted(client, filter),
      replayable: async (client) => this.#clients.guardOf(client)?.replayable(),
    });
    this.#clients = new ClientGate({
      limits,
      log,
      quiet: this.#quiet,
      gate,
      hasInbound: (clientId, messageId) => this.#sessions.hasInbound(clientId, messageId),
    });
  }

  async start(): Promise<ListenAddress> {
    const { limits } = this.#options;
    const clients = this.#clients;
    const aedes = await Aedes.createBroker({
      mq: this.#dispatcher,
      persistence: this.#sessions,
      connectTimeout: limits.connectMs * 2, // the guard's own limit comes first
      drainTimeout: 0, // the guard never asks to wait
      maxInflightInbound: limits.inboundQos2,
      maxTopicLevels: limits.topicLevels,
      preConnect: (client, packet, done) => {
        clients.preConnect(client, packet);
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        void clients.authenticate(client, username, password, done);
      },
      authorizePublish: (client, packet, done) => clients.authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) =>
        clients.authorizeSubscribe(client, subscription, done),
    });
    this.#aedes = aedes;
    this.#listenTo(aedes);
    const { server, address } = await listen(this.#options.listen, (socket) => this.accept(socket));
    this.#server = server;
    this.#expireLater();
    return address;
  }

  async stop(): Promise<void> {
    this.#expiry?.cancel();
    const server = this.#server;
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    const aedes = this.#aedes;
    if (aedes !== undefined) await new Promise<void>((resolve) => aedes.close(() => resolve()));
    for (const guard of this.#guards) guard.destroy();
    await closed;
  }

  publish(message: Message): void {
    const packet = {
      ...message,
      cmd: 'publish' as const,
      dup: false,
      payload: bytesOf(message.payload),
    };
    this.#aedes?.publish(packet, (error) => {
      if (error) this.#quiet.warn('publish-failed', { topic: message.topic, error });
    });
  }

  filtersFor(topic: string): readonly string[] {
    const connected = this.#dispatcher.filters(topic);
    const absent = this.#sessions.absentFilters(topic);
    return absent.length === 0 ? connected : [...connected, ...absent];
  }

  cut(isGone: (client: BrokerClient) => boolean, isGoneId: (id: string) => boolean): void {
    for (const guard of [...this.#guards]) {
      const client = this.#clients.clientOf(guard);
      if (client !== undefined && isGone(client)) guard.cut('revoked');
    }
    this.#sessions.forget(isGoneId);
  }

  stats(): BrokerStats {
    const { cuts, ...traffic } = this.#guardCounters;
    const { retained, sizes, counters } = this.#sessions;
    const named = Object.entries(cuts).map(([reason, count]) => [`cut:${reason}`, count] as const);
    return {
      connections: this.#guards.size,
      clients: this.#aedes?.connectedClients ?? 0,
      ...this.#counters,
      ...this.#clients.counters,
      ...traffic,
      ...Object.fromEntries(named),
      ...sizes,
      ...counters,
      retainedMessages: retained.size,
      retainedBytes: retained.bytes,
      retainedRefused: retained.refused,
    };
  }

  /** Takes a connection over: of its own listener, or of a door with TLS. */
  accept(socket: Socket, secure?: SecureConnection): void {
    const { clock, limits } = this.#options;
    if (this.#guards.size >= limits.connections) {
      this.#counters.connectionsRefused++;
      this.#quiet.warn('connection-refused', { connections: this.#guards.size });
      socket.on('error', () => undefined);
      if (secure === undefined) socket.resetAndDestroy();
      else socket.destroy();
      return;
    }
    this.#counters.connectionsAccepted++;
    const guard: SocketGuard = new SocketGuard(socket, {
      limits,
      clock,
      counters: this.#guardCounters,
      secure,
      onConnect: () => void this.#aedes?.handle(guard),
      onCut: (reason) =>
        this.#quiet.warn('connection-cut', { reason, address: guard.remoteAddress }),
    });
    this.#guards.add(guard);
    guard.once('close', () => this.#guards.delete(guard));
  }

  #listenTo(aedes: Aedes): void {
    aedes.on('connackSent', (connack, client) => {
      const accepted = (connack.returnCode ?? 0) === 0;
      if (accepted) this.#clients.guardOf(client)?.open();
    });
    aedes.on('client', (client) => {
      if (!client.clean) this.#sessions.present(client.id);
      this.#claim(client);
    });
    aedes.on('clientDisconnect', (client) => this.#sessions.absent(client.id));
    aedes.on('subscribe', (subscriptions: readonly StoredSubscription[], client) => {
      this.#claim(client);
      this.#sessions.nextSubscriber(client, subscriptions);
    });
    aedes.on('unsubscribe', (filters, client) => this.#clients.unsubscribed(client, filters));
    const failed = (client: Client, error: Error): void => {
      this.#counters.clientErrors++;
      this.#options.log.debug('client-error', { client: client.id, error });
    };
    aedes.on('clientError', failed);
    aedes.on('connectionError', failed);
    // Aedes emits it though its types do not know it; unheard, it would end the process.
    const emitter: NodeJS.EventEmitter = aedes;
    emitter.on('error', (error: Error) => this.#options.log.error('broker-error', { error }));
  }

  /** Tells the dispatcher whose the subscriptions are. */
  #claim(client: AedesClient): void {
    let direct = this.#direct.get(client);
    if (direct === undefined) {
      const guard = this.#clients.guardOf(client);
      if (guard === undefined) return;
      direct = directClient(client, guard);
      this.#direct.set(client, direct);
    }
    for (const { func, qos } of Object.values(client.subscriptions ?? {}))
      this.#dispatcher.claim(func, direct, qos);
  }

  #expireLater(): void {
    this.#expiry = this.#options.clock.setTimer('eventbus session expiry', EXPIRY_CHECK_MS, () => {
      this.#sessions.expire();
      this.#expireLater();
    });
  }
}

/** Aedes and the direct path draw packet ids from one sequence; kept sessions are Aedes' alone. */
function directClient(client: AedesClient, guard: SocketGuard): DirectClient {
  return {
    write: (piece) => void guard.write(piece),
    nextId: () => {
      const id = client._nextId;
      if (!client.clean || id === undefined) return undefined;
      client._nextId = id >= 65_535 ? 1 : id + 1;
      return id;
    },
  };
}
