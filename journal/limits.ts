/** Every limit of this room, with unit, reason and what happens at it. docs/journal.md explains. */
export const JOURNAL_LIMITS = {
  /** Bytes of one journal segment, preallocated. Three fit in 12 MiB of flash. Option. */
  segmentBytes: 4 * 1024 * 1024,
  /** Smallest segment: room for a header, the record of an opening and some transactions. */
  segmentBytesMin: 16 * 1024,
  /** Segments on disk when snapshots keep failing. At it durability is refused (alarm). */
  segmentsMax: 64,
  /** Bytes of one transaction as JSON; at most a quarter of a segment. At it EDGE_LIMIT. */
  transactionBytes: 1024 * 1024,
  /** Rows put by one transaction: bounds the work of one turn. At it EDGE_LIMIT. */
  transactionRows: 16 * 1024,
  /** Bytes of one write: bounds its memory and the work of one turn. More makes a second group. */
  groupBytes: 512 * 1024,
  /** Bytes of JSON that wait for a sync. At it EDGE_LIMIT and nothing is applied. Option. */
  waitingBytes: 8 * 1024 * 1024,
  /** Rows of all tables. At it a transaction that adds rows is EDGE_LIMIT. Option. */
  rows: 200_000,
  /** Bytes of a file read whole: a larger one is not ours. */
  fileBytes: 1024 * 1024 * 1024,
  /** Bytes of a record in which a flipped bit is looked for: a millisecond of work. */
  repairBytes: 64 * 1024,
  /** Copies of damaged files kept for people; the oldest go first. A segment each. */
  damagedFiles: 4,
  /** Bytes of one write of a snapshot: about half a millisecond of encoding per turn. */
  snapshotChunkBytes: 64 * 1024,
  /** Bytes of one write while a new segment is filled with zeroes. */
  zeroChunkBytes: 256 * 1024,
  /** First wait before durability is tried again, doubled up to `retryMaxMs`. */
  retryMinMs: 1_000,
  /** A failing card must not be worn out by attempts. */
  retryMaxMs: 30_000,
  /** The same for a full disk, which people mend at once: it fails before much is written. */
  retryFullMaxMs: 4_000,
} as const;

/** What is done as the flash budget of a day is used up. docs/journal.md explains. */
export const FLASH_LIMITS = {
  /** Share of the budget from which on commits wait for others. */
  saving: 0.75,
  /** Share from which on sample history is shed. */
  exceeded: 1,
  /** Shares below a threshold at which a state is left. */
  backBy: 0.05,
  /** Longest wait for other commits: what a person who watches values still takes for live. */
  windowMaxMs: 1_000,
  /** How often the account is stored, with a sync that happens anyway. A crash loses so much. */
  rideMs: 10 * 60_000,
} as const;

/** Limits of backups: a file from outside must not decide how much memory is taken. */
export const BACKUP_LIMITS = {
  /** Bytes of one frame, which is held whole. Ours are a quarter of it. */
  frameBytes: 256 * 1024,
  /** Bytes of content per frame that is written. */
  chunkBytes: 64 * 1024,
  /** Parts of one backup: a hub's history has a file for each block. */
  parts: 100_000,
  /** Bytes of one row as a line of JSON: a transaction has at most a quarter of it. */
  rowBytes: 4 * 1024 * 1024,
  /** Folders below each other in a part's name. */
  depth: 4,
} as const;

/** Limits of questions in SQL. What exceeds them is EDGE_LIMIT, EDGE_TIMEOUT or `truncated`. */
export const SQL_LIMITS = {
  /** Rows of one answer unless asked otherwise. */
  rows: 1_000,
  /** Bytes of one answer: what the event loop copies in one turn. */
  resultBytes: 4 * 1024 * 1024,
  /** Characters of one statement. */
  sqlChars: 64 * 1024,
  /** Milliseconds one question may take. */
  timeMs: 10_000,
  /** Questions that wait for the one worker. */
  waiting: 16,
  /** Rows handed over per turn of the event loop: about a millisecond. */
  chunkRows: 500,
} as const;
