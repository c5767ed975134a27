/**
 * Every limit of the words both ends share, with unit and reason. Limits of one room live in that
 * room's own `limits.ts`. A limit that is hit is counted and answered with EDGE_LIMIT.
 */
export const LIMITS = {
  /** Bytes of one encoded value. KubeEdge: 512 characters; six of its issues ask for more. */
  valueBytes: 8 * 1024,
  /** Nesting of a JSON value or document. Deeper is hostile: recursion must stay shallow. */
  jsonDepth: 16,
  /** Bytes of one sync message before and after decoding; a declared length is checked first. */
  messageBytes: 256 * 1024,
  /** Rows of one sync message: bounds the work of one message. */
  messageRows: 1024,
  /** Characters of a namespace, device or property name (Kubernetes names: 253). */
  nameChars: 128,
  /** Characters of a node name: RFC 5280 appendix A.1 allows 64 in a common name, DNS 63 in a label. */
  nodeNameChars: 63,
  /** Characters of any other string that a peer sends (reason, software version, detail). */
  textChars: 512,
  /** Characters of JSON that are kept of what only a newer peer understands of a row. */
  laterChars: 1024,
  /** Properties of one device: bounds a twin's size. */
  propertiesPerDevice: 1024,
  /** Methods of one device, and property names of one method. */
  methodsPerDevice: 128,
  propertiesPerMethod: 64,
  /** Milliseconds within which a command may have its effect: a week-old one surprises people. */
  commandTtlMinMs: 100,
  commandTtlMs: 30_000,
  commandTtlMaxMs: 7 * 24 * 3_600_000,
  /** Devices of one node: bounds what one gateway can make the hub keep. */
  devicesPerNode: 4096,
  /** Bytes of one device document after parsing. */
  documentBytes: 256 * 1024,
  /** Characters of the documents of one device that the hub creates on a gateway. */
  documentChars: 64 * 1024,
  /** Features or dictionaries that one end lists in a handshake. */
  featuresListed: 64,
  /** Boots in a ring that one end remembers of the other (docs/sync-protocol.md section 2). */
  hubBootsKept: 16,
  gatewayBootsKept: 64,
  retiredBootsKept: 8,
  /** Lineages of one node that the hub remembers. */
  lineagesKept: 32,
} as const;
