/**
 * The gateway's own limits, with unit and reason. What both ends share stands in
 * protocol/limits.ts.
 */
export const GATEWAY_LIMITS = {
  /** Commits that callers may be waiting for at once; more is EDGE_LIMIT. Bounds promises. */
  pendingCommits: 4096,
  /** Readings of one report: a device has no more properties. */
  readingsPerReport: 1024,
  /** Lost local writes of one property that still wait to be recorded at the hub. */
  lostLocalWrites: 8,
  /** Tombstones of deleted devices kept; the oldest acknowledged go first. */
  tombstones: 4096,
  /** A reading older than this many report cycles, and this floor, is not fresh. */
  staleCycles: 3,
  staleFloorMs: 5_000,
  /**
   * Acknowledgements become durable with the next commit or after this. Losing one costs a
   * repetition, syncing each would cost a flash block.
   */
  lazyCommitMs: 10_000,
  /** So many of them are synced at once: they must fit into a transaction of someone else. */
  lazyCommitRows: 512,
  /** Bytes of one transaction: a quarter of what the journal takes. Larger events are split. */
  transactionBytes: 256 * 1024,
  /** How often durability is tried again while the storage refuses it. */
  storageRetryMs: 1_000,

  /**
   * Changes are gathered for so long, `syncWindow` of the configuration: TLS, framing and the
   * answer cost about 70 bytes a message, as much as six rows; a screen is current to the second.
   */
  stateWindowMs: 1_000,
  /** Above it a value would turn stale at the hub while it waits here (fresh for 10 s). */
  stateWindowMaxMs: 5_000,
  /** The read-back of a desired value does not wait longer: somebody looks at it. */
  urgentWindowMs: 200,
  /** Devices of one DIGEST or RESEND: names have up to 257 characters, and it stays a message. */
  devicesPerMessage: 512,
  /** Bytes of one state message: small enough that a lost one costs little to repeat. */
  stateMessageBytes: 32 * 1024,
  /** State messages without an answer: bounds what both ends hold of one session. */
  messagesInFlight: 16,
  /** Local writes without an answer, over all properties. */
  localsInFlight: 64,
  /** DESIRED messages that are being stored; a hub that sends more does not wait for STORED. */
  desiredInFlight: 256,
  /** No WELCOME for so long: the hub is gone or overloaded, dial again. */
  welcomeTimeoutMs: 15_000,
  /** No answer to a message for so long: the session is broken in a way the transport misses. */
  answerTimeoutMs: 120_000,
  /** Between digests of a quiet session: finds accidents, so rarely is enough. */
  digestIntervalMs: 10 * 60_000,
  /** The first digest of a session waits this long for quiet: the hub waits for it. */
  digestLatestMs: 3_000,
  /** Messages that wait because the transport is full; then the session is given up. */
  outboxMessages: 256,

  /** Between dials: full jitter below a doubling ceiling (AWS, "Exponential Backoff And Jitter"). */
  redialFirstMs: 1_000,
  redialMaxMs: 60_000,
  /** A session that lived so long starts the doubling anew. */
  sessionLastedMs: 30_000,
  /** After BYE superseded, clone or unsupported: docs/sync-protocol.md section 4.10. */
  holdFirstMs: 10 * 60_000,
  holdMaxMs: 4 * 60 * 60_000,
  /** Dead letters that `status` lists: equal ones are one. The oldest is forgotten, its count not. */
  deadLetters: 64,
  /** Characters of a refusal's code: those of this product are shorter. */
  deadLetterCodeChars: 64,
  /** What `stop` grants for the last rows to be acknowledged. */
  flushMs: 1_000,

  /** Between tries of a write that did not reach its device. */
  writeRetryFirstMs: 1_000,
  writeRetryMaxMs: 60_000,
  /** Between starts of a mapper that failed to start. */
  mapperRetryFirstMs: 1_000,
  mapperRetryMaxMs: 60_000,
  /** Changes of devices are gathered for so long before their mapper takes them. */
  mapperRestartMs: 250,
  /** What a mapper gets to stop before it is left alone. */
  mapperStopMs: 5_000,
  /** Between looks for an identity while this gateway has not joined a hub. */
  joinLookMs: 5_000,
  /** `resume`: as long as silence may last anyway; a session without answers ends by then. */
  resumeMinMs: 10_000,
  resumeMaxMs: 120_000,
  /** Entries of `forward`: a list that a person can still judge. */
  forwardTargets: 64,
} as const;
