import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EdgeError } from '#protocol/errors.js';
import type { TrustedProxy } from './trusted-proxy.js';

// How both ends are named and judged is part of the contract: no transport has its own rules.
export {
  NODE_URN,
  certifiedHub,
  certifiedNode,
  isExpiry,
  namedNode,
  type CertifiedName,
} from './certificates.js';
export {
  ISSUING_NAME,
  isIssuing,
  readChain,
  shownWith,
  spkiOf,
  trustOf,
} from './certificate-path.js';
// Keys that are in no file.
export {
  readTokenKey,
  requestOf,
  requireTokenKey,
  tlsKeyOf,
  tokenKeyText,
  type TokenKey,
} from './token-key.js';
// Forwarding through streams: what is written in configurations and command lines, and its ends.
export { readForward, readTarget, targetText, type Target } from './forward/target.js';
export type { ForwardDial, ForwardRefusal } from './forward/dial.js';
export type { ForwardEntry, ForwardEntryOptions } from './forward/forward-entry.js';
export type { ForwardStatus } from './forward/forward-exit.js';
// A proxy that ends the TLS of gateways: what is written of it.
export { readTrustedProxy, type TrustedProxy } from './trusted-proxy.js';

/**
 * The contract of every transport: whole opaque messages over a link that may be bad. A message is
 * delivered whole, at most once, and in ANY order; it is lost only together with its connection.
 * The compliance suite (compliance.ts) holds for each implementation.
 */
export interface Transport {
  /** Shown to people: `websocket`, later `coded`. */
  readonly name: string;
  /**
   * Dials and authenticates both ends. Rejects with EDGE_CONNECTION, EDGE_CERTIFICATE,
   * EDGE_UNAUTHENTICATED or EDGE_TIMEOUT; an aborted signal rejects with EDGE_CONNECTION.
   */
  connect(options: ConnectOptions): Promise<Connection>;
}

export interface ConnectOptions {
  /** `wss://host:port` of the hub. */
  readonly url: string;
  readonly identity: Identity;
  /** The time by which the hub is judged, milliseconds since 1970; absent: the machine's clock. */
  readonly nowMs?: number;
  readonly signal?: AbortSignal;
}

/** Key, certificate and the authorities to trust, PEM. */
export interface Identity {
  /** Or the name of one in a token: `tlsKeyOf`. */
  readonly key: string;
  readonly certificate: string;
  readonly authorities: readonly string[];
}

/** The authenticated other end, read from its certificate. */
export interface Peer {
  /** Node name of a gateway, or the host name of a hub. */
  readonly name: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Certificate serial number, upper-case hexadecimal. */
  readonly serial: string;
  /** `host:port` as the socket shows it; for people only, never for authorisation. */
  readonly address: string;
}

export type Priority = 'control' | 'twin' | 'samples' | 'bulk';

export interface Connection {
  readonly peer: Peer;
  readonly transport: string;
  /**
   * Queues one message, at most `LIMITS.messageBytes` long (longer throws EDGE_LIMIT); do not
   * change its bytes afterwards. False: the queue has no room for this priority; the message was
   * NOT taken, wait for `drained`. After close it is false too.
   */
  send(message: Uint8Array, priority: Priority): boolean;
  /** One listener each, set before the current turn of the event loop ends. */
  onMessage(listener: (message: Uint8Array) => void): void;
  onDrained(listener: () => void): void;
  /** Fires once, also for a close asked for here. */
  onClose(listener: (reason: CloseReason) => void): void;
  /** Sends what is queued for at most a second, tells the peer, closes. Idempotent. */
  close(code: CloseCode, detail?: string): void;
  stats(): ConnectionStats;
  /** Ordered streams beside the messages; absent where the transport has none. */
  readonly streams?: Streams | undefined;
}

/** Flow-controlled streams of bytes, behind all messages but those of class bulk. */
export interface Streams {
  /** Undefined: as many are open as the other end allows. It hears of it with the first bytes. */
  open(): Duplex | undefined;
  /** One listener, set before the current turn of the event loop ends. Without it: reset. */
  onStream(listener: (stream: Duplex) => void): void;
}

export type CloseCode = 'normal' | 'superseded' | 'protocol' | 'unauthorized' | 'lost' | 'slow';

export interface CloseReason {
  readonly code: CloseCode;
  readonly detail: string;
  /** True when the other end or the link closed it. */
  readonly remote: boolean;
}

export interface ConnectionStats {
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  readonly queuedBytes: number;
  /** Smoothed round trip, milliseconds; undefined before the first is measured. */
  readonly rttMs?: number;
  /** Since the other end was heard, when it owes an answer for so long that it may be dead. */
  readonly silentMs?: number;
  /** Shares of packets lost on their way out and in, where the transport can tell. */
  readonly loss?: number;
  readonly lossIn?: number;
  /** Bytes sent per byte that had to be, copies and repairs included, where it can tell. */
  readonly redundancy?: number;
  /** Bytes of IP sent, idle packets and acknowledgements too, per byte of payload that arrived. */
  readonly sentPerDelivered?: number;
  /** Changes of this end's or the other's address that the connection has survived. */
  readonly moves?: number;
  /**
   * What arrived and was thrown away, by reason: packets `forged` or `replayed`; coded rows when
   * memory was `full`, that were `outside` of the window, `inconsistent`, or over what is `forgotten`.
   */
  readonly dropped?: Readonly<Record<string, number>>;
}

/** The hub's side. */
export interface Listener {
  /** `host:port` it listens on; the port is real when 0 was asked for. */
  readonly address: string;
  onConnection(listener: (connection: Connection) => void): void;
  /** Closes the door, then every connection with `normal`. Resolves when sockets are gone. */
  close(): Promise<void>;
}

/** The door for gateways. A transport that carries HTTP as well serves joining through `onRequest`. */
export interface NodeListener extends Listener {
  /** For handshakes from now on; live connections keep theirs. */
  setIdentity(identity: Pick<Identity, 'key' | 'certificate'>): void;
  setAuthorities(clientAuthorities: readonly string[]): void;
  /** Closes the connections of these peers and returns how many: revocation within a second. */
  closePeers(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number;
  /** What it counts, for metrics: one entry a transport. */
  doors?(): readonly DoorStats[];
}

export interface DoorStats {
  readonly transport: string;
  readonly connections: number;
  readonly handshakes: number;
  /** Since the start, by what happened: `accepted`, `refused-full`. */
  readonly events: Readonly<Record<string, number>>;
  /** Where packets are the transport's own. */
  readonly traffic?: DoorTraffic;
  /** Bytes that the kernel keeps of what was not read yet. */
  readonly receiveBufferBytes?: number;
}

/** Of all connections since the start. */
export interface DoorTraffic {
  readonly sentPackets: number;
  readonly receivedPackets: number;
  /** IP headers included. */
  readonly sentBytes: number;
  /** Payload that the other ends have confirmed. */
  readonly deliveredBytes: number;
  /** Thrown away unread: not sealed for the session, or opened before. */
  readonly forgedPackets: number;
  readonly replayedPackets: number;
  /** Coded rows and symbols that could not be used, by reason: see `ConnectionStats.dropped`. */
  readonly droppedRows: Readonly<Record<string, number>>;
}

export interface ListenOptions {
  /** `port: 0` takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Key and certificate chain, the authority last, so that joiners can compare its pin. */
  readonly identity: Pick<Identity, 'key' | 'certificate'>;
  /** PEM of the authorities that issue node certificates. */
  readonly clientAuthorities: readonly string[];
  /**
   * Every HTTPS request that is not the tunnel's, from anybody. Absent: 404. `holder` is the node
   * whose certificate was shown, ALSO when that certificate has lapsed or was revoked: enough to
   * know who asks for a new one, never enough to let somebody in.
   */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse, holder?: Peer) => void;
  /** Asked for each authenticated node before it is let in: false refuses a revoked one. */
  readonly admit?: (peer: Peer) => boolean;
  /** Who may say in a header whose certificate they saw. Absent: nobody, headers are not read. */
  readonly trustedProxies?: readonly TrustedProxy[];
  /** Told of each such header that was refused, and of certificates in them that are no node's. */
  readonly onForged?: (forged: ForgedIdentity) => void;
}

export interface ForgedIdentity {
  /** `host:port` of who sent it. */
  readonly address: string;
  readonly error: EdgeError;
}

/** Opens the hub's door. Rejects with EDGE_CONNECTION when the port is taken, EDGE_CERTIFICATE. */
export type ListenForNodes = (options: ListenOptions) => Promise<NodeListener>;
