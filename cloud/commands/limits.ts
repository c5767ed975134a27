/** The limits of commands at the hub, with unit and reason. What is refused is counted. */
export const HUB_COMMAND_LIMITS = {
  /** Commands of one node that have not ended. Beyond: 429. */
  openPerNode: 256,
  /** Ended ones kept for one node; the oldest is forgotten, with its idempotency key. */
  endedPerNode: 256,
  /** Sent to the present process of a gateway and not ended: the rest waits, and expires exactly. */
  sentInFlight: 16,
  /** Asked for in one session and not answered. */
  askedInFlight: 64,
  /** Characters of an idempotency key. */
  keyChars: 128,
} as const;
