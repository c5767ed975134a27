/** Bounds of the configuration: a person's files, but a mistake must not hang the gateway. */
export const CONFIG_LIMITS = {
  /** Bytes of one file: some 30 times a file of 100 devices. Parsing holds several times of it. */
  fileBytes: 1024 * 1024,
  /** Files that all patterns of `devices` may match together. */
  deviceFiles: 1024,
  /** Folder entries looked at for the patterns: a `**` from the root must end. */
  folderEntries: 65_536,
  /** Folders below each other that `**` follows. */
  folderDepth: 16,
  /** A configuration has worked when the gateway ran by it for so long: past any start of a mapper. */
  provenMs: 60_000,
  /** Starts of a configuration that ended sooner, before the last one that worked is taken again. */
  startsMax: 3,
  /** Bytes of the file that keeps it: 4,096 devices of 8 KB. */
  lastGoodBytes: 32 * 1024 * 1024,
} as const;
