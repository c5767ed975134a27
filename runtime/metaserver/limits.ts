/** Limits of the gateway's local interface, with unit and reason. */
export const METASERVER_LIMITS = {
  /** Bytes of a request body: a value of 8 KiB, its escapes and its wrapping. */
  bodyBytes: 16 * 1024,
  /** Bytes and number of the headers of a request. */
  headerBytes: 8 * 1024,
  headerCount: 64,
  /** Milliseconds for a whole header, and for header and body. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** Milliseconds that a connection stays open without a request. */
  keepAliveTimeoutMs: 10_000,
  /** How often Node looks for slow senders, milliseconds. */
  checkIntervalMs: 1_000,
  /** Open connections: local tools only, and each costs about 20 KiB of a small memory. */
  connections: 64,
  watchers: 8,
  /** Bytes that wait for a slow watcher before it is cut. */
  watchQueueBytes: 256 * 1024,
  /** Bytes of devices in one part of a watch's snapshot. */
  snapshotPartBytes: 32 * 1024,
  watchKeepAliveMs: 15_000,
  /** A reader of a backup that takes nothing for so long is cut: its rows are held meanwhile. */
  backupStallMs: 30_000,
} as const;

export type MetaServerLimits = { readonly [Name in keyof typeof METASERVER_LIMITS]: number };
