import { TUNNEL_LIMITS } from '../limits.js';

/** What both ends of a WebSocket bound, with unit and reason. */
export const WEBSOCKET_LIMITS = {
  ...TUNNEL_LIMITS,
  /** Fragments of one message: our own peers send one, so many are hostile. */
  messageFragments: 16,
  /** Chunks that the WebSocket parser holds for one frame: 256 KiB in TCP segments of 128 bytes. */
  frameChunks: 2_048,
  /** Bytes waiting in the socket above which a ping is not answered but ends the connection. */
  pongBacklogBytes: 128 * 1024,
  /** Bytes of all headers of one request or upgrade answer. */
  headerBytes: 8 * 1024,
} as const;

/** What the hub's listener bounds beside that. Each may be set for a larger or smaller hub. */
export const LISTENER_LIMITS = {
  ...WEBSOCKET_LIMITS,
  /** Gateways connected at once, at about 32 KiB each; more are answered 503. */
  connections: 16_384,
  /** Connections of one node; the oldest yields to a newer (its half-open predecessors). */
  connectionsPerNode: 4,
  /** Sockets that have not become a gateway's connection yet; the oldest yields to a newer. */
  pending: 1_024,
  /** Milliseconds for the TLS handshake. */
  handshakeMs: 10_000,
  /** Milliseconds for the headers, and for a whole request with its body. */
  headersMs: 10_000,
  requestMs: 15_000,
  /** Milliseconds that an HTTP connection may stay open for a next request. */
  idleMs: 5_000,
  /** Requests of one HTTP connection: a join needs one or two. */
  requestsPerSocket: 8,
} as const;

export type ListenerLimits = { readonly [Limit in keyof typeof LISTENER_LIMITS]: number };
export type WebsocketLimits = { readonly [Limit in keyof typeof WEBSOCKET_LIMITS]: number };
