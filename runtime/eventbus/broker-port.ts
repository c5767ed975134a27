import type { SecureConnection } from './socket-guard.js';

/**
 * The broker as EventBus needs it, so that another one (MQTT 5 with Aedes 2) can take its place.
 */
export interface Broker {
  /** Rejects with EDGE_CONFIG when the address cannot be listened on. */
  start(): Promise<ListenAddress>;
  /** Closes every connection. */
  stop(): Promise<void>;
  /** In process, unchecked, 1 to 3 microseconds. */
  publish(message: Message): void;
  /** Filters of clients, connected or with a kept session, that match: is it worth publishing? */
  filtersFor(topic: string): readonly string[];
  /** Ends these connections and forgets the sessions of these client ids. */
  cut(isGone: (client: BrokerClient) => boolean, isGoneId: (id: string) => boolean): void;
  stats(): BrokerStats;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

export interface BrokerClient {
  /** Made up by the broker when the client gave none. */
  readonly id: string;
  readonly address: string;
  readonly username: string | undefined;
  /** Absent: a plain connection. */
  readonly secure?: SecureConnection | undefined;
}

export interface ConnectRequest {
  /** The same object in each later question about this client. */
  readonly client: BrokerClient;
  /** The client gave no id of its own. */
  readonly isIdMadeUp: boolean;
  readonly password: Uint8Array | undefined;
  /** Topic of the last will, if there is one: judged like a publish. */
  readonly willTopic: string | undefined;
}

/** `bad-id`: the id is another's; `unavailable`: try again later. */
export type ConnectVerdict =
  'accepted' | 'bad-id' | 'unavailable' | 'bad-credentials' | 'bad-certificate' | 'not-authorized';

/**
 * `forward`: acknowledge and deliver. `drop`: acknowledge and deliver to nobody (3.1.1 has no
 * negative acknowledgement). `close`: neither, and end the connection, so that the sender sends
 * it again.
 */
export type PublishVerdict = 'forward' | 'drop' | 'close';

/** What the broker asks before it acts. Asked in order of arrival. */
export interface BrokerGate {
  connect(request: ConnectRequest): ConnectVerdict | Promise<ConnectVerdict>;
  subscribe(client: BrokerClient, filter: string): boolean;
  /** The acknowledgement of QoS 1 and 2 waits for the verdict. */
  publish(client: BrokerClient, message: Message): PublishVerdict | Promise<PublishVerdict>;
}

/** Counters and sizes, named as `status` and metrics show them. */
export type BrokerStats = Readonly<Record<string, number>>;
