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
  /** Nodes that aliases may stand for, for each anchor: YAML's billion laughs. */
  aliases: 100,
  /** Levels of maps and lists in a file; the parser behind this bound recurses. */
  nesting: 64,
  /** Issues of one load that a person is told; a stray bracket can make thousands. */
  issues: 100,
  /** Syntax errors of one file: the later ones mostly follow from the first. */
  syntaxErrors: 5,
  /** Characters of a message that quotes the file. */
  messageChars: 200,
} as const;
