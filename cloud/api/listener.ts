import { createAdaptorServer } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { createServer } from 'node:http';
import type {
  IncomingMessage,
  RequestListener,
  Server,
  ServerOptions,
  ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '#protocol/clock.js';
import { sleep } from '#protocol/clock.js';
import { ConnectionAdmission } from '#protocol/connection-admission.js';
import { EdgeError } from '#protocol/errors.js';
import type { ApiLimits } from './limits.js';

/** PEM texts: the interface's own key and certificate chain. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: TlsIdentity;
  readonly fetch: (request: Request, env: HttpBindings) => Promise<Response> | Response;
  readonly limits: ApiLimits;
  readonly clock: Clock;
}

/** Answers under way when a stop begins get this long. */
const STOP_GRACE_MS = 1_000;

/** One listening socket of the REST interface, with every bound that Node offers set. */
export class Listener {
  readonly url: string;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #admission: ConnectionAdmission<string>;

  private constructor(
    server: Server,
    clock: Clock,
    admission: ConnectionAdmission<string>,
    url: string,
  ) {
    this.url = url;
    this.#server = server;
    this.#clock = clock;
    this.#admission = admission;
  }

  /** Rejects with EDGE_CONNECTION when the address cannot be listened on. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { host, port, tls, fetch, limits, clock } = options;
    const server = createAdaptorServer({
      fetch: (request, env) => fetch(request, env as HttpBindings),
      createServer: ((_options: ServerOptions, listener: RequestListener) =>
        tls === undefined
          ? createServer(httpOptions(limits), listener)
          : createSecureServer(
              { ...httpOptions(limits), ...tlsOptions(tls, limits) },
              listener,
            )) as typeof createServer,
    }) as Server;
    server.maxHeadersCount = limits.headerCount;
    const admission = guard(server, limits.connections);
    await listen(server, host, port);
    const bound = server.address() as AddressInfo;
    const name = host.includes(':') ? `[${host}]` : host;
    const url = `${tls === undefined ? 'http' : 'https'}://${name}:${bound.port}`;
    return new Listener(server, clock, admission, url);
  }

  /** For handshakes from now on; nothing happens without TLS. */
  setTls(tls: TlsIdentity): void {
    if (this.#server instanceof SecureServer)
      this.#server.setSecureContext({ ...tls, minVersion: MIN_VERSION });
  }

  get connections(): number {
    return this.#admission.size;
  }

  get evicted(): number {
    return this.#admission.evicted;
  }

  /** No new requests; those under way may end within a second. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    const done = new AbortController();
    const grace = sleep(this.#clock, 'api-stop-grace', STOP_GRACE_MS, done.signal);
    await Promise.race([closed, grace]);
    done.abort();
    this.#server.closeAllConnections();
    await closed;
  }
}

function httpOptions(limits: ApiLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    // A request smuggler's favourites; Node's lenient parser stays off.
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
}

const MIN_VERSION = 'TLSv1.3';

function tlsOptions(tls: TlsIdentity, limits: ApiLimits) {
  return { ...tls, minVersion: MIN_VERSION, handshakeTimeout: limits.handshakeTimeoutMs } as const;
}

/** Half-open and idle connections give way to new ones (`ConnectionAdmission`). */
function guard(server: Server, max: number): ConnectionAdmission<string> {
  const admission = new ConnectionAdmission<string>(max);
  const sockets = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    // Under TLS the request carries another socket object, but the same two ends.
    const key = endsOf(socket);
    sockets.set(key, socket);
    socket.once('close', () => {
      sockets.delete(key);
      admission.closed(key);
    });
    const loser = admission.admit(key);
    if (loser !== undefined) sockets.get(loser)?.destroy();
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const key = endsOf(request.socket);
    admission.busy(key);
    response.once('close', () => admission.idle(key));
    // A body that was asked for was read; Node would read another's until the request's time is over.
    response.once('finish', () => {
      if (response.statusCode < 400 && !request.complete) request.socket.destroySoon();
    });
  });
  return admission;
}

function endsOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress ?? ''}|${remotePort ?? 0}|${localPort ?? 0}`;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new EdgeError('EDGE_CONNECTION', `cannot listen on ${host}:${port}`, {
          cause,
          hint: 'Is the port taken by another program, and does the address belong to this machine?',
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
}
