import { TUNNEL_LIMITS } from '../../limits.js';

/** What one session bounds, with unit and reason. */
export const SESSION_LIMITS = {
  messageBytes: TUNNEL_LIMITS.messageBytes,
  queueBytes: TUNNEL_LIMITS.queueBytes,
  /** Milliseconds that `close` may spend on what is queued, and again on its own answer. */
  lingerMs: TUNNEL_LIMITS.lingerMs,
  detailBytes: TUNNEL_LIMITS.detailBytes,
  /** Milliseconds without a word heard before the other end is asked: about half of `silenceMs`. */
  keepAliveMs: TUNNEL_LIMITS.keepAliveMs,
  /** Milliseconds without a word heard before the other end is taken for dead. */
  silenceMs: TUNNEL_LIMITS.silenceMs,
  /** Milliseconds between packets at least, when a NAT forgets sooner than `keepAliveMs`. */
  keepAliveMinMs: 1_000,
  /**
   * Milliseconds of silence that a session survives. As long as `silenceMs` unless streams shall
   * outlive a blackout: then longer, and the silence is only shown.
   */
  resumeMs: TUNNEL_LIMITS.silenceMs,
  /** Milliseconds between questions to an end that does not answer: half a round trip, within. */
  askMinMs: 100,
  askMaxMs: 400,
  /** And when it has been silent for `silenceMs`. */
  askSilentMs: 2_000,
  /** Milliseconds of calm after which a receiver of bulk asks whether its address still holds. */
  calmMinMs: 60,
  /**
   * Milliseconds between the calls of a receiver whose transfer has stopped in the middle: what
   * may be lost of the first second after a blackout; and for how long it calls, some 8 KB.
   */
  callEveryMs: 30,
  callForMs: 3_000,
  /** Symbols of the window kept free of bulk, for what is urgent. */
  urgentSymbols: 64,
  /** Times the bytes received that an address may be sent before it is validated (RFC 9000 8.1). */
  amplification: 3,
  /** Milliseconds after which an address that does not answer is given up for the former one. */
  validationMs: 3_000,
  /** Connection ids of its own that one end keeps valid: in use, spare, and the former one. */
  ownIds: 4,
  /** Connection ids of the other end that are remembered. */
  peerIds: 4,
  /** Frames that wait for their acknowledgement: ids and little else. */
  reliableFrames: 16,
  /** Path answers owed at once; a further challenge replaces the oldest. */
  pathAnswers: 4,
  /** Milliseconds of idleness after which the decoder gives up what later rows might need. */
  restMs: 2_000,
} as const;

export type SessionLimits = { readonly [K in keyof typeof SESSION_LIMITS]: number };

/** What a handshake bounds. */
export const HANDSHAKE_LIMITS = {
  /** Bytes of one end's whole handshake: a TLS flight with a chain is 2 to 6 KB. */
  streamBytes: 64 * 1024,
  /** Bytes of a piece: with token, both ids and an acknowledgement in 1,200. */
  pieceBytes: 1_080,
  /** Pieces kept that came before those in front of them. */
  piecesEarly: 64,
  /** Pieces of a flight repeated before anything is known of the link: after 20, 40, 80 .. ms. */
  repeatMs: 20,
  repeatMaxMs: 250,
  /** Milliseconds that an acknowledgement may wait for an answer to travel with. */
  ackDelayMs: 10,
  /** Packets of one handshake that are remembered for their acknowledgement. */
  packetsRemembered: 256,
} as const;
