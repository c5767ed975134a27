/** Limits of the audit trail, with unit and reason. */
export const AUDIT_LIMITS = {
  /** Records that are kept; the oldest goes first. They live in memory, about 500 bytes each. */
  records: 20_000,
  /** Characters of all records together as JSON. */
  chars: 12 * 1024 * 1024,
  /** Milliseconds that a record is kept: thirteen months, so that a year can be compared. */
  ageMs: 396 * 24 * 3_600_000,
  /** Records that may go for each that comes, so that a clock that jumps does not empty the trail. */
  forgottenAtOnce: 2,
  /** Characters of a value before or after a change; of longer ones length and SHA-256 are kept. */
  valueChars: 1024,
  /** Characters of a name in a record. */
  nameChars: 512,
  /** Different refusals of one node that are recorded in a window; the rest is one record's count. */
  refusalsPerNode: 16,
  refusalWindowMs: 3_600_000,
} as const;

export type AuditLimits = { readonly [Name in keyof typeof AUDIT_LIMITS]: number };
