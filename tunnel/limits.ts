import { LIMITS } from '#protocol/limits.js';

/** The limits that every transport shares, with unit and reason. */
export const TUNNEL_LIMITS = {
  /** Bytes of one message: what the sync protocol allows. */
  messageBytes: LIMITS.messageBytes,
  /** Bytes queued in one connection before `send` says false: a second of a 10 Mbit/s link. */
  queueBytes: 1024 * 1024,
  /** Bytes that one queued message costs beside its own, so that empty ones are bounded too. */
  queueOverheadBytes: 64,
  /** Bytes handed to the link at once: what a control message may have to wait behind. */
  flightBytes: 64 * 1024,
  /** Messages that wait for a listener, which is set within a turn of the event loop. */
  earlyMessages: 256,
  /** Milliseconds that `close` may spend on sending what is queued. */
  lingerMs: 1_000,
  /** Bytes of a close reason's text (RFC 6455 section 5.5: 125 with the code). */
  detailBytes: 123,
  /** Milliseconds without a word said before a keep-alive is sent: about half of `silenceMs`. */
  keepAliveMs: 5_000,
  /**
   * Milliseconds without a word heard before the connection is lost. A dead peer has to be known
   * within 10 s; what was on its way when it died, and late timers, take the rest.
   */
  silenceMs: 9_500,
  /** Milliseconds between keep-alives of a busy connection, for its round trip time alone. */
  roundTripMs: 30_000,
  /** Milliseconds for name, TCP, TLS and upgrade together: 3 s of TCP time-outs five times. */
  connectMs: 15_000,
} as const;
