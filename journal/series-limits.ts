/** Limits of a series, with unit, reason and what happens at it. docs/journal.md explains. */
export const SERIES_LIMITS = {
  /** Rows, and bytes of text, of one block. Until then they stay in the store and its memory. */
  blockRows: 1_024,
  blockBytes: 64 * 1024,
  /** Characters of one transaction's rows. More is EDGE_LIMIT. */
  entryChars: 256 * 1024,
  /** Bytes of a block when inflated: a block and one transaction, 3 for a character. More is damage. */
  inflatedBytes: 1024 * 1024,
  /** Blocks' worth of rows that stay in the store while blocks cannot be written; then `isFull`. */
  pendingBlocks: 4,
  /** Rows deleted by one transaction once their block stands: bounds its bytes. */
  deletesPerCommit: 256,
  /** Bytes that a file costs at least: the block of a file system. */
  fileGrain: 4 * 1024,
  /** Until a commit that was refused is asked after. */
  recoveryMs: 1_000,
  /** Between looks for blocks that have grown too old. */
  ageCheckMs: 60 * 60_000,
  /** Blocks that one question may read: its work in one turn after the other. */
  blocksPerQuery: 64,
} as const;
