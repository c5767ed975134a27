/** Limits of forwarding, with unit and reason. */
export const FORWARD_LIMITS = {
  /** Bytes of a target's host name (RFC 1035 section 2.3.4). */
  hostBytes: 253,
  /** Forwarded connections of one gateway at once: fewer than the streams of a connection. */
  connections: 64,
  /** Milliseconds to say what is wanted, and to reach it. */
  openMs: 10_000,
  /** Milliseconds after the last datagram of a UDP flow (RFC 4787 section 4.3: at least 120 s). */
  datagramIdleMs: 120_000,
  /** Bytes of one datagram. */
  datagramBytes: 65_507,
  /** Bytes of datagrams that wait for a slow stream; then they are dropped, as a router does. */
  datagramQueueBytes: 256 * 1024,
} as const;
