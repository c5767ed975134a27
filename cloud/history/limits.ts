/** Limits of sample history at the hub, with unit and reason. */
export const HUB_HISTORY_LIMITS = {
  /** Bytes of one node's blocks on the disk, unless told otherwise; the oldest go first. */
  bytesPerNode: 256 * 1024 * 1024,
  /** Characters of samples of all nodes that stay in memory until they fill a block. */
  pendingChars: 64 * 1024 * 1024,
  /** Least characters of a block, however many nodes there are. */
  blockCharsMin: 4 * 1024,
  /** Messages of one session, and their rows, that came before the one that they follow. */
  parkedMessages: 64,
  parkedRows: 16 * 1024,
  /** Refused samples of one node that people can read; the oldest is forgotten, never the count. */
  deadLetters: 16,
} as const;
