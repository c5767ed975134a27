/** Limits of sample history on the gateway, with unit and reason. */
export const HISTORY_LIMITS = {
  /** Bytes of the blocks on the disk unless the configuration says otherwise. */
  maxBytes: 64 * 1024 * 1024,
  /** Characters of the samples of one report: they share a transaction with its state rows. */
  reportChars: 256 * 1024,
  /** Samples that trickle in leave at most this often, together. */
  windowMs: 2_000,
  /** Characters of one message: the first size is for a link of which nothing is known. */
  messageCharsMin: 2 * 1024,
  messageCharsMax: 32 * 1024,
  /** Characters of all messages without an answer: what state may have to wait behind. */
  flightCharsMin: 4 * 1024,
  flightCharsMax: 256 * 1024,
  /** Milliseconds of queueing on the way to the hub: below the first, more may be in flight; above
   * the second, half as much. */
  queueingLowMs: 300,
  queueingHighMs: 1_000,
  /** Messages without an answer, whatever their size. */
  messagesInFlight: 32,
  /** No progress for so long: the hub has dropped something, send again from where it stands. */
  resendMs: 30_000,
  /** A block that cannot be read is tried again after this. */
  retryMs: 10_000,
} as const;
