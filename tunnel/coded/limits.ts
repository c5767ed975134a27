/** Limits of the coded transport's pure core, with unit and reason. */
export const CODED_LIMITS = {
  /** Bytes of one source symbol: a 1,472-byte UDP payload of Ethernet less header and tag. */
  symbolBytes: 1_436,
  /** Bytes of a datagram that every path carries (RFC 9000 section 14). */
  datagramBytes: 1_200,
  /** Bytes of the longest datagram that is read at all. */
  datagramBytesMax: 1_472,
  /**
   * Symbols from the oldest unacknowledged one on: 10 Mbit/s over 300 ms are 305, and at 30 % loss
   * the oldest takes up to six flights. As many as one acknowledgement has bits for.
   */
  windowSymbols: 2_040,
  /** Symbols that one coded row combines: bounds the work of one row at either end. */
  rowMembers: 128,
  /** Span of symbol numbers that one coded row covers. */
  rowSpan: 255,
  /** Undecided rows, and unknown symbols in them, of one decoder. A further row is dropped. */
  undecidedRows: 128,
  /**
   * Bytes of known symbols that one decoder keeps for later rows, the oldest go first: a window of
   * bulk. An idle decoder keeps none.
   */
  knownBytes: 2_560 * 1024,
  /** Bytes of undecided rows of all decoders of one process. Beyond it rows are dropped. */
  kernelBytes: 32 * 1024 * 1024,
  /** Frames of one packet: the smallest useful one has 5 bytes, padding counts once. */
  framesPerPacket: 256,
  /** Messages and pieces of one symbol. An empty message costs two bytes of it. */
  cargosPerSymbol: 256,
  /** Ranges of one acknowledgement (QUIC implementations: 32 to 256). */
  ackRanges: 64,
  /** Arrival times of one acknowledgement (congestion control: the last 16 packets). */
  arrivals: 16,
  /** Bytes of a connection id in a long header (RFC 9000 section 17.2: 20). */
  connectionIdBytesMax: 20,
  /** Bytes of an address-validation token. */
  tokenBytes: 255,
  /** Bytes of the text of a close frame. */
  detailBytes: 123,
  /** Packet numbers below the largest that may still arrive: 1,000 packets are 1 s at 10 Mbit/s. */
  replayPackets: 2_048,
  /** Packets sealed with one key before it is updated (RFC 9001 section 6.6: 2^23 for AES-GCM). */
  packetsPerKey: 2 ** 22,
  /** Packets that failed to open before a key is given up (RFC 9001 section 6.6: 2^52, 2^36). */
  forgeriesPerKey: 2 ** 36,
} as const;
