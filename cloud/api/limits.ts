/** Every limit of the REST interface, with unit and reason. What is refused is counted. */
export const API_LIMITS = {
  /** Bytes of a request body: a value of 8 KiB, its escapes and its wrapping. */
  bodyBytes: 16 * 1024,
  /** Bytes of the documents of a device: LIMITS.documentChars, most of them one byte each. */
  documentBytes: 128 * 1024,
  /** Bytes of all headers of a request together; Node answers 431. */
  headerBytes: 8 * 1024,
  /** Headers of one request; Node drops the rest. */
  headerCount: 64,
  /** Milliseconds for the whole header, and for header and body: slow senders are cut. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** Milliseconds of a TLS handshake. */
  handshakeTimeoutMs: 10_000,
  /** Milliseconds that a connection stays open without a request. */
  keepAliveTimeoutMs: 10_000,
  /** How often Node looks for slow senders, milliseconds. */
  checkIntervalMs: 1_000,
  /** Open connections; the one idle for longest gives way to a newcomer. */
  connections: 512,
  /** Live watches: each costs a queue and a share of every change. */
  watchers: 64,
  /** Bytes of changes that wait for a slow watcher before it is cut. */
  watchQueueBytes: 1024 * 1024,
  /** Bytes of devices in one part of a watch's snapshot. */
  snapshotPartBytes: 64 * 1024,
  /** Milliseconds between comments on a quiet watch: middle boxes close after 30 s or more. */
  watchKeepAliveMs: 15_000,
  /** A reader of a backup that takes nothing for so long is cut: its rows are held meanwhile. */
  backupStallMs: 30_000,
  /** Operators: a token is compared with every one. */
  operators: 256,
  /** Gateways, or beginnings of their names, that one token is for. */
  scopeNodes: 64,
  /** Hours that an operator's token may be valid, if it ends at all: ten years. */
  operatorHoursMax: 10 * 366 * 24,
  /** Failed authentications of one address in a window before it is answered 429. */
  failures: 10,
  failureWindowMs: 60_000,
  /** Addresses whose failures are remembered, the oldest forgotten first. */
  failureAddresses: 1024,
  /** Requests of one operator: on average, and at once. The command line on the machine has none. */
  requestsPerSecond: 100,
  requestBurst: 500,
  /** Hours that a join token may be valid. */
  joinTokenHoursMax: 7 * 24,
} as const;

export type ApiLimits = { readonly [Name in keyof typeof API_LIMITS]: number };
