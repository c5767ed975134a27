import { TUNNEL_LIMITS } from '../../limits.js';
import { SESSION_LIMITS } from '../session/limits.js';

/** What both ends of the coded transport bound, with unit and reason. */
export const ENDPOINT_LIMITS = {
  ...SESSION_LIMITS,
  /** Milliseconds for name, handshake and the hub's first sealed packet together. */
  connectMs: TUNNEL_LIMITS.connectMs,
  /** Milliseconds of a handshake at the hub: then it is forgotten. */
  handshakeMs: 10_000,
  /** Milliseconds between two looks of a node at its own address, while an answer is overdue. */
  lookEveryMs: 250,
  /** And after the system itself refused to send, for so long: a look is a socket, opened and closed. */
  lookAgainMs: 20,
  lookAgainForMs: 1_000,
  /** Milliseconds after an unanswered keep-alive until a node takes another socket anyway. */
  renewAfterMs: 1_500,
  renewEveryMs: 2_000,
} as const;

export type EndpointLimits = { readonly [K in keyof typeof ENDPOINT_LIMITS]: number };

/** What the hub's listener bounds beside that. */
export const DOOR_LIMITS = {
  ...ENDPOINT_LIMITS,
  /** Gateways connected at once. */
  connections: 16_384,
  /** Connections of one node; the oldest yields to a newer (its half-open predecessors). */
  connectionsPerNode: 4,
  /** Handshakes of proved addresses under way; the oldest yields: some 100 KiB each with TLS. */
  handshakes: 256,
  /** Of one host, so that it cannot push out all others. */
  handshakesPerHost: 64,
  /** Stateless resets a second: an answer to strangers costs a MAC. */
  resetsPerSecond: 200,
} as const;

export type DoorLimits = { readonly [K in keyof typeof DOOR_LIMITS]: number };
