import type { X509Certificate } from 'node:crypto';
import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { readCertificate } from '../certificates.js';
import type {
  CloseCode,
  Connection,
  DoorStats,
  Identity,
  ListenOptions,
  NodeListener,
  Peer,
} from '../transport.js';
import { addressOf, admittedNode, certificateHolder, type Shown } from '../admission.js';
import { WebsocketConnection } from './connection.js';
import { LISTENER_LIMITS, type ListenerLimits } from './limits.js';
import { Roster } from '../roster.js';
import { PendingSockets } from './pending-sockets.js';
import { TrustedProxies } from '../forwarded-identity.js';
import { TUNNEL_PATH } from './secure-socket.js';

export interface WebsocketListenOptions extends ListenOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ListenerLimits>;
}

export interface WebsocketListener extends NodeListener {
  stats(): ListenerStats;
}

export interface ListenerStats {
  readonly connections: number;
  /** Sockets in a handshake or an HTTP request. */
  readonly pending: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Upgrades refused: who it is, not admitted, no room. */
  readonly refused: {
    readonly unauthenticated: number;
    readonly forbidden: number;
    readonly full: number;
    /** Headers about who it is: not of a trusted proxy, or not of a node; some count above too. */
    readonly header: number;
  };
  /** Pending sockets that were dropped for newer ones, and handshakes that failed. */
  readonly droppedPending: number;
  readonly failedHandshakes: number;
}

/** Opens the hub's door. Rejects with EDGE_CONNECTION when the port is taken, EDGE_CERTIFICATE. */
export async function listenWebsocket(options: WebsocketListenOptions): Promise<WebsocketListener> {
  const listener = new HttpsListener(options);
  await listener.open(options.listen);
  return listener;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
};

class HttpsListener implements WebsocketListener {
  readonly #options: WebsocketListenOptions;
  readonly #limits: ListenerLimits;
  readonly #log: Log;
  readonly #server: Server;
  readonly #websockets: WebSocketServer;
  #identity: Pick<Identity, 'key' | 'certificate'>;
  #authorityPems: readonly string[];
  #authorities: readonly X509Certificate[];
  #listener: ((connection: Connection) => void) | undefined;
  readonly #pending: PendingSockets;
  readonly #roster: Roster;
  readonly #proxies: TrustedProxies;
  #accepted = 0;
  #refused = { unauthenticated: 0, forbidden: 0, full: 0, header: 0 };
  #failedHandshakes = 0;
  address = '';

  constructor(options: WebsocketListenOptions) {
    this.#options = options;
    this.#limits = { ...LISTENER_LIMITS, ...options.limits };
    this.#log = options.log;
    this.#identity = options.identity;
    this.#authorityPems = options.clientAuthorities;
    this.#authorities = this.#authorityPems.map(readCertificate);
    this.#pending = new PendingSockets(this.#limits.pending);
    this.#roster = new Roster(this.#limits.connectionsPerNode);
    this.#proxies = new TrustedProxies(options.trustedProxies ?? []);
    this.#websockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: this.#limits.messageBytes,
      maxFragments: this.#limits.messageFragments,
      maxBufferedChunks: this.#limits.frameChunks,
    });
    this.#server = this.#makeServer();
  }

  open({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          new EdgeError('EDGE_CONNECTION', `Cannot listen on ${host}:${port}.`, {
            cause,
            remote: false,
            hint: 'Is another program using this port?',
          }),
        ),
      );
      this.#server.listen({ host, port }, () => {
        const bound = this.#server.address() as AddressInfo;
        this.address = `${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
        resolve();
      });
    });
  }

  onConnection(listener: (connection: Connection) => void): void {
    this.#listener = listener;
  }

  setIdentity(identity: Pick<Identity, 'key' | 'certificate'>): void {
    this.#identity = identity;
    this.#server.setSecureContext(this.#secureContext());
  }

  setAuthorities(clientAuthorities: readonly string[]): void {
    this.#authorities = clientAuthorities.map(readCertificate);
    this.#authorityPems = clientAuthorities;
    this.#server.setSecureContext(this.#secureContext());
  }

  closePeers(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number {
    return this.#roster.close(predicate, code, detail);
  }

  stats(): ListenerStats {
    return {
      connections: this.#roster.size,
      pending: this.#pending.size,
      accepted: this.#accepted,
      refused: { ...this.#refused },
      droppedPending: this.#pending.dropped,
      failedHandshakes: this.#failedHandshakes,
    };
  }

  doors(): readonly DoorStats[] {
    const { connections, pending, accepted, refused, ...counts } = this.stats();
    return [
      {
        transport: 'websocket',
        ...{ connections, handshakes: pending },
        events: {
          accepted,
          'refused-unauthenticated': refused.unauthenticated,
          'refused-forbidden': refused.forbidden,
          'refused-full': refused.full,
          'refused-header': refused.header,
          'handshake-failed': counts.failedHandshakes,
          'handshake-dropped': counts.droppedPending,
        },
      },
    ];
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#pending.destroyAll();
    this.#roster.close(() => true, 'normal', 'the hub is stopping');
    await Promise.all([closed, this.#roster.emptied()]);
  }

  #makeServer(): Server {
    const { headerBytes, headersMs, requestMs, idleMs, handshakeMs } = this.#limits;
    const server = createServer({
      ...this.#secureContext(),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: handshakeMs,
      maxHeaderSize: headerBytes,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(1_000, headersMs),
    });
    server.maxRequestsPerSocket = this.#limits.requestsPerSocket;
    server.on('connection', (socket: Socket) => this.#pending.add(socket));
    server.on('tlsClientError', () => this.#failedHandshakes++);
    const { onRequest = notFound } = this.#options;
    server.on('request', (request, response) => {
      const { socket } = request;
      if (!(socket instanceof TLSSocket)) return;
      const shown = this.#shownBy(request, socket);
      if (shown !== undefined)
        onRequest(request, response, certificateHolder(shown, this.#authorities));
    });
    server.on('upgrade', (request, socket, head) => {
      if (socket instanceof TLSSocket) this.#onUpgrade(request, socket, head);
      else socket.destroy();
    });
    return server;
  }

  /** No session tickets: a resumed session would skip the judgement of a certificate. */
  #secureContext(): object {
    return {
      key: this.#identity.key,
      cert: this.#identity.certificate,
      ca: [...this.#authorityPems],
      minVersion: 'TLSv1.3',
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
  }

  #onUpgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (request.url !== TUNNEL_PATH) {
      refuse(socket, 404);
      return;
    }
    const shown = this.#shownBy(request, socket);
    const peer = shown && this.#admit(shown, socket);
    if (peer === undefined) return;
    // A client that speaks before it was let in broke RFC 6455 section 4.1.
    if (head.length > 0) {
      refuse(socket, 400);
      return;
    }
    this.#websockets.handleUpgrade(request, socket, head, (websocket) => {
      this.#pending.admit(socket);
      const { clock } = this.#options;
      this.#accept(new WebsocketConnection(websocket, socket, peer, clock, this.#limits));
    });
  }

  /** Undefined: a header says what it may not, and that was answered. */
  #shownBy(request: IncomingMessage, socket: TLSSocket): Shown | undefined {
    try {
      return this.#proxies.shownBy(request, socket, this.#options.clock.wallTime());
    } catch (thrown) {
      this.#forged(addressOf(socket), EdgeError.from(thrown));
      refuse(socket, 403);
      return undefined;
    }
  }

  #forged(address: string, error: EdgeError): void {
    this.#refused.header++;
    this.#log.warn('identity header refused', { address, error });
    this.#options.onForged?.({ address, error });
  }

  #admit(shown: Shown, socket: TLSSocket): Peer | undefined {
    let peer: Peer;
    try {
      peer = admittedNode(shown, this.#authorities);
    } catch (cause) {
      const { certificate, isForwarded, address } = shown;
      this.#refused.unauthenticated++;
      this.#log.warn('tunnel refused', { address, cause });
      if (isForwarded === true && certificate !== undefined)
        this.#forged(address, EdgeError.from(cause));
      refuse(socket, 401);
      return undefined;
    }
    if (this.#options.admit?.(peer) === false) {
      this.#refused.forbidden++;
      this.#log.warn('tunnel refused', { ...peer, cause: 'not admitted' });
      refuse(socket, 403);
      return undefined;
    }
    if (this.#roster.size >= this.#limits.connections) {
      this.#refused.full++;
      refuse(socket, 503);
      return undefined;
    }
    return peer;
  }

  #accept(connection: WebsocketConnection): void {
    this.#accepted++;
    this.#roster.add(connection);
    if (this.#listener === undefined) connection.close('normal', 'nobody listens');
    else this.#listener(connection);
  }
}

function refuse(socket: TLSSocket, status: number): void {
  const head = `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nConnection: close\r\n`;
  socket.end(`${head}Content-Length: 0\r\n\r\n`, () => socket.destroy());
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { connection: 'close' }).end();
}
