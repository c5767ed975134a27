import type { Priority } from '../../transport.js';
import { CODED_LIMITS } from '../limits.js';

/** Limits of messages and streams of one connection, with unit and reason. */
export const STREAM_LIMITS = {
  /** Streams that one end has opened and that have not ended: TCP connections of a forwarding. */
  streams: 128,
  /**
   * Bytes of a stream that may be on their way or unread, at first: 10 Mbit/s over 300 ms, and as
   * much again for what waits behind a lost piece until it is sent once more.
   */
  windowBytes: 1024 * 1024,
  /**
   * The same after the sender was seen to stand at it, or `gapShare` of it waited behind a gap: a
   * window of symbols at 30 % loss.
   */
  windowBytesMax: 2_560 * 1024,
  gapShare: 1 / 3,
  /** A new limit is told when it is higher by this part of the window. */
  creditStep: 1 / 4,
  /** Limits told lately, at which a sender may have stood. */
  limitsKept: 8,
  /** Bytes that a stream keeps unsent before `write` says false: half a second at 4 Mbit/s. */
  unsentBytes: 256 * 1024,
  /** Bytes of one block of a stream's unread bytes: what one byte may cost. */
  blockBytes: 8 * 1024,
  /** Gaps between pieces that arrived: every second of a full window of symbols is missing. */
  gaps: CODED_LIMITS.windowSymbols / 2,
  /** Bytes of the shortest message that is cut: others wait for a symbol that they fit into. */
  cutBytesMin: 512,
  /** Bytes of a symbol that are left empty rather than filled with a piece. */
  pieceRoomMin: 128,
  /** One symbol in so many goes to a waiting lower class, in turn, so that none starves. */
  floorEvery: 8,
  /**
   * Words of flow control that wait to be said: limits, ends and refusals of all streams each way,
   * several generations of them. A peer that makes us wait to say more breaks the protocol.
   */
  words: 4_096,
} as const;

/**
 * Bytes of a class that may be on their way, half arrived or unread: what the other end can make
 * us hold. Of messages, only those that are cut count: the others are never held.
 */
export const CLASS_WINDOW_BYTES: Readonly<Record<Priority, number>> = {
  control: 1024 * 1024,
  twin: 1024 * 1024,
  samples: 1024 * 1024,
  bulk: 4 * 1024 * 1024,
};
