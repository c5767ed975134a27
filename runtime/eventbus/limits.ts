/**
 * Every limit of the MQTT broker, with unit and reason. What is refused, cut or dropped by one of
 * them is counted (`EventBus.stats`) and described in docs/mqtt.md.
 */
export interface EventBusLimits {
  /** Bytes of a CONNECT packet, and so of what an unknown peer can make us keep. */
  readonly connectBytes: number;
  /** Milliseconds from accepting a connection to its CONNACK: a silent peer holds no place. */
  readonly connectMs: number;
  /** Connections at once. One costs about 45 KB. */
  readonly connections: number;
  /** Bytes of one PUBLISH with its topic, after the fixed header. */
  readonly publishBytes: number;
  /** Bytes of one SUBSCRIBE or UNSUBSCRIBE after the fixed header. */
  readonly subscribeBytes: number;
  /** Bytes waiting for one client that does not read; above it the client is cut. */
  readonly slowConsumerBytes: number;
  /** Bytes waiting for one client above which a replay of stored messages pauses. */
  readonly replayBytes: number;
  /** Publishes of one client a second, and how many at once; above it its socket is not read. */
  readonly publishesPerSecond: number;
  readonly publishBurst: number;
  /** Publishes of one client waiting for the store; above it its socket is not read. */
  readonly pendingPublishes: number;
  /** Milliseconds that a closing connection may take to deliver its last bytes. */
  readonly lingerMs: number;
  /** Characters of a client id. The protocol guarantees 23. */
  readonly clientIdChars: number;
  /** Characters and levels of a topic name or filter: bounds matching. */
  readonly topicChars: number;
  readonly topicLevels: number;
  /** Subscriptions of one client. */
  readonly subscriptionsPerClient: number;
  /** Sessions that outlive their connection (clean session 0); the longest absent one goes first. More than connections, so that there always is an absent one. */
  readonly sessions: number;
  /** Milliseconds after which an absent session is forgotten. */
  readonly sessionExpiryMs: number;
  /** Messages and bytes waiting for one absent client; the oldest are dropped. */
  readonly offlineMessages: number;
  readonly offlineBytes: number;
  /** Bytes waiting for all absent clients; the oldest of the fullest queue are dropped. */
  readonly offlineBytesTotal: number;
  /** Retained messages and their bytes; a new topic above it is delivered but not retained. */
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** Inbound QoS 2 exchanges of one client that wait for PUBREL. */
  readonly inboundQos2: number;
}

const KB = 1024;
const MB = 1024 * KB;

export const DEFAULT_LIMITS: EventBusLimits = {
  connectBytes: 8 * KB,
  connectMs: 10_000,
  connections: 256,
  publishBytes: 256 * KB,
  subscribeBytes: 16 * KB,
  slowConsumerBytes: 1 * MB,
  replayBytes: 256 * KB,
  publishesPerSecond: 25_000,
  publishBurst: 10_000,
  pendingPublishes: 1024,
  lingerMs: 2_000,
  clientIdChars: 128,
  topicChars: 512,
  topicLevels: 16,
  subscriptionsPerClient: 256,
  sessions: 512,
  sessionExpiryMs: 7 * 24 * 3_600_000,
  offlineMessages: 1_000,
  offlineBytes: 1 * MB,
  offlineBytesTotal: 8 * MB,
  retainedMessages: 4_096,
  retainedBytes: 4 * MB,
  inboundQos2: 64,
};

/** Limits of clients with credentials. */
export const CLIENT_LIMITS = {
  clients: 256,
  /** Devices, and topics, that one client is granted. */
  grants: 256,
  /** Bytes of the file: 256 clients with a few grants each. */
  fileBytes: 1 * MB,
  /** Milliseconds between two looks at it: a client that was removed is out within them. */
  lookEveryMs: 2_000,
  passwordBytes: 256,
  /** Characters of a password that a person chose. */
  passwordCharsMin: 12,
  /** Cost and block size of scrypt: 8 MiB and about 25 ms of a PC for a password. */
  scryptN: 8_192,
  scryptR: 8,
  /** Passwords that wait to be judged, one after the other; more are told to come back. */
  passwordChecks: 32,
  /** Wrong passwords of one address a second, and at once. */
  attemptsPerSecond: 0.2,
  attemptsBurst: 10,
  /** Addresses that are remembered for it. */
  attemptAddresses: 1_024,
} as const;

/** Limits of the door with TLS. */
export const TLS_LIMITS = {
  /** Bytes of a file of keys or certificates, and certificates that are taken from one. */
  fileBytes: 256 * KB,
  certificates: 64,
  /** Milliseconds between two looks for renewed files and for clients whose certificate ended. */
  lookEveryMs: 5_000,
  /** Connections that are not clients yet; the one that waits longest gives way to another. */
  strangers: 64,
} as const;
