import type { Clock } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import type { Log } from '#protocol/log.js';
import type { CommandOutcome, CommandRequest } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import { parseTopic } from '#protocol/topics.js';
import type { TwinAccess } from '../devicetwin/twin-access.js';
import { LoopbackAuthorizer } from './authorizer.js';
import type { Authorizer } from './authorizer.js';
import type {
  BrokerClient,
  BrokerGate,
  BrokerStats,
  ConnectRequest,
  ConnectVerdict,
  ListenAddress,
  Message,
  PublishVerdict,
} from './broker-port.js';
import type { ClientRegistry } from './client-registry.js';
import { belongsTo, CredentialAuthorizer } from './credential-authorizer.js';
import { AedesBroker } from './broker.js';
import { CommandTopics } from './command-topics.js';
import { DEFAULT_LIMITS } from './limits.js';
import type { EventBusLimits } from './limits.js';
import { LogLimiter } from './log-limiter.js';
import type { TlsDoor } from './tls-door.js';
import type { TlsFiles } from './tls-files.js';
import { TwinTopics } from './twin-topics.js';

export interface EventBusOptions {
  readonly twins: TwinAccess;
  /** The name of this gateway in `membership` topics. */
  readonly node: string;
  /** Port 0 asks for any free port. */
  readonly listen: ListenAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<EventBusLimits>;
  /** A second door, with TLS, for clients with credentials. */
  readonly tls?: { readonly listen: ListenAddress; readonly files: TlsFiles };
  /** Clients with credentials; absent: anybody on this machine, nobody from elsewhere. */
  readonly credentials?: {
    readonly clients: ClientRegistry;
    readonly isRequired: boolean;
  };
  /** Instead of both. */
  readonly authorizer?: Authorizer;
}

/** The gateway's MQTT 3.1.1 broker with KubeEdge's topics in it (docs/mqtt.md). */
export class EventBus {
  readonly #authorizer: Authorizer;
  readonly #broker: AedesBroker;
  readonly #topics: TwinTopics;
  readonly #commands: CommandTopics;
  readonly #quiet: LogLimiter;
  readonly #openDoor: () => Promise<TlsDoor | undefined>;
  #door: TlsDoor | undefined;

  constructor(options: EventBusOptions) {
    const { clock, listen, limits, twins, node, random } = options;
    const log = options.log.child('eventbus');
    this.#authorizer = options.authorizer ?? this.#authorizerOf(options);
    this.#quiet = new LogLimiter(log, clock);
    const gate: BrokerGate = {
      connect: (request) => this.#connect(request),
      subscribe: (client, filter) => this.#authorizer.maySubscribe(client, filter),
      publish: (client, message) => this.#publishFrom(client, message),
    };
    const all = { ...DEFAULT_LIMITS, ...limits };
    this.#broker = new AedesBroker({ listen, limits: all, clock, log, gate });
    this.#topics = new TwinTopics({
      ...{ twins, node, broker: this.#broker, clock, random, log },
      mayWrite: (client, device) => this.#authorizer.mayWrite(client, device),
    });
    this.#commands = new CommandTopics({ broker: this.#broker, clock });
    this.#openDoor = () => this.#doorOf(options, all.connectMs);
  }

  /** Rejects with EDGE_CONFIG when an address cannot be listened on, or files of TLS not be used. */
  async start(): Promise<{ readonly address: ListenAddress; readonly secure?: ListenAddress }> {
    const address = await this.#broker.start();
    this.#topics.start();
    try {
      this.#door = await this.#openDoor();
      const secure = await this.#door?.open();
      return { address, ...(secure === undefined ? {} : { secure }) };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Closes every connection; resolves when the port is free. */
  async stop(): Promise<void> {
    const closed = this.#door?.close();
    this.#topics.stop();
    this.#commands.stop();
    await this.#broker.stop();
    await closed;
  }

  /** As the runtime itself: unchecked, in process, at QoS 1. */
  publish(topic: string, payload: string | Uint8Array, options: { retain?: boolean } = {}): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    this.#broker.publish({ topic, payload: bytes, qos: 1, retain: options.retain ?? false });
  }

  /** Calls a method of a device that a mapper in another process serves. Never rejects. */
  command(request: CommandRequest): Promise<CommandOutcome> {
    return this.#commands.command(request);
  }

  /** Looks now for renewed files of TLS and for certificates that have ended. Never rejects. */
  async lookAtCertificates(): Promise<void> {
    await this.#door?.look();
  }

  stats(): BrokerStats {
    return {
      ...this.#broker.stats(),
      ...this.#door?.counters,
      ...this.#topics.counters,
      ...this.#commands.counters,
    };
  }

  #authorizerOf({ credentials, twins, clock, random }: EventBusOptions): Authorizer {
    if (credentials === undefined) return new LoopbackAuthorizer();
    const { clients, isRequired } = credentials;
    const clientOf = (device: DeviceId): string | undefined => {
      const named = twins.device(device)?.device.protocol.configData['client'];
      return typeof named === 'string' ? named : undefined;
    };
    const ports = { clock, random };
    const authorizer = new CredentialAuthorizer({ clients, clientOf, isRequired, ...ports });
    clients.onChanged((names) => {
      authorizer.forgetPasswords();
      const isGoneId = (id: string): boolean => [...names].some((name) => belongsTo(id, name));
      this.#broker.cut(
        (client) => authorizer.isOneOf(client, names) || isGoneId(client.id),
        isGoneId,
      );
    });
    return authorizer;
  }

  /** Loaded where it is configured: TLS costs memory. */
  async #doorOf(
    { tls, clock, log }: EventBusOptions,
    handshakeMs: number,
  ): Promise<TlsDoor | undefined> {
    if (tls === undefined) return undefined;
    const { TlsDoor: Door } = await import('./tls-door.js');
    return new Door({
      ...{ ...tls, handshakeMs, clock, log: log.child('eventbus') },
      onConnection: (socket, secure) => this.#broker.accept(socket, secure),
      onLook: (isOther) => this.#cutOutdated(clock.wallTime(), isOther),
    });
  }

  /** Ends connections whose certificate has ended; all that an authority certified when it changed. */
  #cutOutdated(wallMs: number, isOther: boolean): void {
    this.#broker.cut(
      ({ secure }) => {
        const certificate = secure?.certificate;
        if (certificate === undefined) return false;
        return wallMs > certificate.untilMs || (isOther && certificate.isCertified);
      },
      () => false,
    );
  }

  async #connect(request: ConnectRequest): Promise<ConnectVerdict> {
    const verdict = await this.#authorizer.connect(request);
    const { willTopic, client } = request;
    if (verdict !== 'accepted' || willTopic === undefined) return verdict;
    return this.#authorizer.mayPublish(client, willTopic) ? 'accepted' : 'not-authorized';
  }

  #publishFrom(client: BrokerClient, message: Message): PublishVerdict | Promise<PublishVerdict> {
    const { topic } = message;
    if (!this.#authorizer.mayPublish(client, topic)) {
      this.#quiet.warn('publish-refused', { client: client.id, topic });
      return 'drop';
    }
    const parsed = topic.startsWith('$') ? parseTopic(topic) : undefined;
    if (parsed?.kind === 'device' && parsed.action === 'command/result')
      this.#commands.result(parsed.device, message);
    return parsed === undefined ? 'forward' : this.#topics.handle(client, parsed, message);
  }
}
