/**
 * The limits of the hub, with unit and reason. What is refused because of one is counted in
 * `cloudhub/counters.ts`.
 */
export const HUB_LIMITS = {
  /** Nodes that one hub process keeps; every node costs memory even while it is away. */
  nodes: 10_000,
  /** New sessions per second, and how many may come at once: a reconnect storm must not starve
   * the sessions that stand (reliability promise P12). Beyond: BYE refused. */
  handshakesPerSecond: 100,
  handshakeBurst: 400,
  /** Milliseconds from the connection to HELLO. */
  helloWithinMs: 10_000,
  /** Messages and bytes of one session that wait for the node's commit. Beyond: closed as slow. */
  queuedMessages: 256,
  queuedBytes: 4 * 1024 * 1024,
  /** Desired values of one node that wait for its commit. Beyond: EDGE_LIMIT. */
  queuedRequests: 256,
  /** Messages and bytes for a gateway that does not take them. Beyond: closed as slow. */
  unsentMessages: 512,
  unsentBytes: 1024 * 1024,
  /** DESIRED messages without their STORED; the rest waits, newest only. */
  desiredInFlight: 8,
  /** DEVICES messages without their STORED: each may hold the documents of one large device. */
  devicesInFlight: 4,
  /** Milliseconds until a DESIRED without its STORED is sent again, when a digest shows the time. */
  storedWithinMs: 120_000,
  /** Rows and bytes of values of one DESIRED: a bad link should not lose much at once. */
  desiredRows: 128,
  desiredBytes: 32 * 1024,
  /** Devices of one RESEND: names are at most 257 characters, so it stays below a message. */
  resendDevices: 256,
  /** Milliseconds after the session's first message until devices without a digest get it all. */
  digestWithinMs: 5_000,
  /** Milliseconds between two repairs of one device's desired values in one session. */
  repairEveryMs: 60_000,
  /** Characters of one transaction of an ANNOUNCE: half of what the journal takes. */
  announceChars: 512 * 1024,
  /** Restores of a hub within one adoption that are told apart; beyond, the oldest count as one. */
  laterMarks: 8,
  /** Devices that ended, per node (docs/sync-protocol.md section 4.8); the oldest is forgotten. */
  tombstonesPerNode: 10_000,
  /** Conflicts and alarms kept per node; the oldest is forgotten. */
  conflictsPerNode: 256,
  alarmsPerNode: 32,
  /** A boot that returns this often within the window puts the node in quarantine. */
  cloneReturns: 3,
  cloneWindowMs: 3_600_000,
  /** How far a presented epoch may be ahead of the hub's: a hostile one must not use up 2^53. */
  epochStep: 2 ** 32,
  /** The highest generation and desired number that are believed: they step by one as well. */
  generations: 2 ** 32,
  desiredNumbers: 2 ** 48,
  /** Lineages of its own that a hub remembers of the times before it was restored. */
  formerHubLineages: 16,
  /** A value is fresh for this many report cycles, but at least for this long. */
  freshCycles: 3,
  freshMs: 10_000,
  /** Milliseconds between two looks for values that turned stale and for revoked nodes. */
  sweepEveryMs: 1_000,
  /** `--resume`: as long as silence may last anyway; gateways end a session without answers then. */
  resumeMinMs: 10_000,
  resumeMaxMs: 120_000,
  /** Ports that lead through gateways, open at once: each costs a socket, and its streams. */
  forwards: 64,
  /** Rows of all tables: about 2 GB of memory at 1 KB each. */
  storeRows: 2_000_000,
} as const;
