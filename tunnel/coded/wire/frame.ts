/**
 * The frames of a packet. Frames are not repeated as such: what must arrive travels as source
 * symbols (see cargo.ts), everything else is idempotent and sent anew.
 */
export type Frame =
  | { readonly kind: 'padding' }
  | { readonly kind: 'ping' }
  | AckFrame
  | SymbolsFrame
  | ArrivalsFrame
  | SourceFrame
  | PieceFrame
  | RepairFrame
  | VectorFrame
  | BatchFrame
  | { readonly kind: 'pathChallenge' | 'pathResponse'; readonly data: Uint8Array }
  | { readonly kind: 'close'; readonly code: number; readonly detail: Uint8Array }
  | HandshakeFrame
  | ConnectionIdFrame;

/** Which packets arrived: the truth for loss and congestion, codes or not (RFC 9265). */
export interface AckFrame {
  readonly kind: 'ack';
  /** Low 32 bits of the largest packet number that arrived. */
  readonly largest: number;
  /** From its arrival to this acknowledgement, milliseconds in steps of 1/32, at most 2,047. */
  readonly delayMs: number;
  /** Low 16 bits of how many different packets arrived so far: survives lost acknowledgements. */
  readonly received: number;
  /**
   * From `largest` downwards: so many arrived, so many did not, and so on. Starts and ends with
   * arrived ones, each at least 1: an odd number of runs.
   */
  readonly runs: readonly number[];
}

/** Which source symbols are known: what need not be repeated, whatever packet brought it. */
export interface SymbolsFrame {
  readonly kind: 'symbols';
  /** Low 24 bits: every symbol below it is known, this one is not. */
  readonly base: number;
  /** Coded rows that wait for more: each will decide one symbol. */
  readonly undecided: number;
  /** Bit i (lowest first) tells whether symbol `base + 1 + i` is known. */
  readonly known: Uint8Array;
}

/** When packets arrived, for congestion control. Times are 1/32 ms of the receiver's clock. */
export interface ArrivalsFrame {
  readonly kind: 'arrivals';
  readonly largest: number;
  /** Low 32 bits. */
  readonly time: number;
  /** Each relative to the one before: packet numbers back 1..255, time back 0..65,535. */
  readonly earlier: readonly { readonly numberBack: number; readonly timeBack: number }[];
}

/** A source symbol as it is. */
export interface SourceFrame {
  readonly kind: 'source';
  /** Low 24 bits of the symbol number. */
  readonly symbol: number;
  readonly data: Uint8Array;
}

/** A part of a source symbol that is too long for the packets of a path that became narrower. */
export interface PieceFrame {
  readonly kind: 'piece';
  readonly symbol: number;
  readonly offset: number;
  /** Bytes of the whole symbol. */
  readonly total: number;
  readonly data: Uint8Array;
}

/** A row over symbols `start .. start + span - 1`, coefficients drawn from a seed. */
export interface RepairFrame {
  readonly kind: 'repair';
  readonly start: number;
  /** 1 .. 255. */
  readonly span: number;
  readonly seed: number;
  /** Bit i: symbol `start + i` takes part. Undefined: all do. */
  readonly members: Uint8Array | undefined;
  readonly data: Uint8Array;
}

/** A row with its coefficients spelled out: what is left of any recoding. */
export interface VectorFrame {
  readonly kind: 'vector';
  readonly start: number;
  /** 1 .. 255 of them, for symbols from `start` on; zero: takes no part. */
  readonly coefficients: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * Reserved for relays that recode (RFC 9426): a combination of the packets of one batch. Read and
 * written today, not yet made or used by either end.
 */
export interface BatchFrame {
  readonly kind: 'batch';
  /** Low 24 bits. */
  readonly batch: number;
  /** First symbol of the batch, low 24 bits. */
  readonly start: number;
  /** As many as the batch has symbols (M, 16 by default), 1 .. 32. */
  readonly coefficients: Uint8Array;
  readonly data: Uint8Array;
}

/** Bytes of the handshake's own stream (TLS), each end's from offset 0 on. */
export interface HandshakeFrame {
  readonly kind: 'handshake';
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Another name by which this end may be addressed, with the proof that resets it. */
export interface ConnectionIdFrame {
  readonly kind: 'connectionId';
  readonly sequence: number;
  /** Ids of lower sequence are no longer to be used. */
  readonly retireBefore: number;
  readonly connectionId: Uint8Array;
  readonly resetToken: Uint8Array;
}

export const FRAME = {
  padding: 0x00,
  ping: 0x01,
  ackRuns: 0x02,
  ackBitmap: 0x03,
  symbols: 0x04,
  arrivals: 0x05,
  /** Bit 0 of the next eight: a length follows; without it the data reaches to the end. */
  source: 0x06,
  repair: 0x08,
  repairOfSome: 0x0a,
  vector: 0x0c,
  batch: 0x0e,
  pathChallenge: 0x10,
  pathResponse: 0x11,
  close: 0x12,
  handshake: 0x13,
  connectionId: 0x14,
  /** With bit 0 as for source. */
  piece: 0x16,
} as const;

export const WITH_LENGTH = 1;
export const PATH_DATA_BYTES = 8;
export const RESET_TOKEN_BYTES = 16;
export const BATCH_SYMBOLS_MAX = 32;
/** Bytes of the bitmap in an acknowledgement; longer histories travel as runs. */
export const ACK_BITMAP_BYTES = 32;
/** Ticks of a millisecond in the times that travel. */
export const TICKS_PER_MS = 32;
