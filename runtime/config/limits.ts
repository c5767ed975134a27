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
} as const;
