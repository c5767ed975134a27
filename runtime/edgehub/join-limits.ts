/** The limits of joining, with unit and reason. */
export const JOIN_LIMITS = {
  /** Bytes of the hub's answer: two certificates are 2 KiB. */
  answerBytes: 64 * 1024,
  /** Bytes of the headers of that answer. */
  headerBytes: 8 * 1024,
  /** Milliseconds for all of it: a slow hub loads its certificate library in one. */
  joinMs: 30_000,
  /** Milliseconds between looks at the age of the certificate, at most. */
  renewalLookMs: 6 * 3_600_000,
  /** Milliseconds between looks because the hub refuses: dials come more often than that. */
  refusedLookMs: 5 * 60_000,
  /** Milliseconds between questions which roots to trust, at most: 7 kB each. */
  trustLookMs: 20 * 3_600_000,
  /** Milliseconds between attempts to join with what was prepared for the first start. */
  preparedRetryMs: 15_000,
  /** Milliseconds between questions for the time, when the clock seems wrong. */
  timeLookMs: 60_000,
  /** Characters of what the hub says about a refusal. */
  detailChars: 300,
} as const;
