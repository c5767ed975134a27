import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { readHubUrl } from '../hub-address.js';
import type { ConnectOptions, Connection, Transport } from '../transport.js';
import { WebsocketConnection } from './connection.js';
import { WEBSOCKET_LIMITS, type WebsocketLimits } from './limits.js';
import { connectSecurely, TUNNEL_PATH, type SecureSocket } from './secure-socket.js';

export interface WebsocketTransportOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<WebsocketLimits>;
}

/** Messages in WebSocket frames over mutual TLS 1.3: for networks that block UDP. */
export function websocketTransport(options: WebsocketTransportOptions): Transport {
  const limits = { ...WEBSOCKET_LIMITS, ...options.limits };
  return { name: 'websocket', connect: (target) => connect(target, options, limits) };
}

async function connect(
  { url, identity, signal, nowMs }: ConnectOptions,
  { clock, random, log }: WebsocketTransportOptions,
  limits: WebsocketLimits,
): Promise<Connection> {
  const address = readHubUrl(url);
  const tunnelUrl = new URL(TUNNEL_PATH, url).href;
  const ended = new AbortController();
  const aborted = (): void =>
    ended.abort(new EdgeError('EDGE_CONNECTION', 'Connecting was given up.', { remote: false }));
  const timer = clock.setTimer('tunnel connect', limits.connectMs, () =>
    ended.abort(
      new EdgeError('EDGE_TIMEOUT', `${address.host}:${address.port} did not answer in time.`),
    ),
  );
  if (signal?.aborted === true) aborted();
  signal?.addEventListener('abort', aborted, { once: true });
  try {
    ended.signal.throwIfAborted();
    const target = { identity, signal: ended.signal };
    const secure = await connectSecurely(address, target, nowMs ?? clock.wallTime());
    // A fleet that reconnected together must not also keep alive together.
    const keepAliveMs = limits.keepAliveMs * (0.8 + 0.2 * random.unit());
    const connection = await upgrade(tunnelUrl, secure.socket, ended.signal, limits, (opened) =>
      connectionOf(opened, secure, clock, { ...limits, keepAliveMs }),
    );
    log.debug('tunnel connected', { url, serial: secure.hub.serial });
    return connection;
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', aborted);
  }
}

function connectionOf(
  websocket: WebSocket,
  { socket, hub }: SecureSocket,
  clock: Clock,
  limits: WebsocketLimits,
): Connection {
  const address = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
  return new WebsocketConnection(websocket, socket, { ...hub, address }, clock, limits);
}

/**
 * In TLS 1.3 a client is connected before the server has judged its certificate: only the answer
 * to the upgrade says that the hub knows this node. No body of a refusal is read.
 */
function upgrade(
  url: string,
  socket: TLSSocket,
  signal: AbortSignal,
  limits: WebsocketLimits,
  opened: (websocket: WebSocket) => Connection,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const websocket = new WebSocket(url, {
      createConnection: () => socket,
      perMessageDeflate: false,
      followRedirects: false,
      autoPong: false,
      maxPayload: limits.messageBytes,
      maxFragments: limits.messageFragments,
      maxBufferedChunks: limits.frameChunks,
      maxHeaderSize: limits.headerBytes,
    });
    const settle = (): void => {
      signal.removeEventListener('abort', abort);
      websocket.removeAllListeners();
      websocket.on('error', () => undefined);
    };
    const refuse = (error: EdgeError): void => {
      settle();
      websocket.terminate();
      socket.destroy();
      reject(error);
    };
    const abort = (): void => refuse(EdgeError.from(signal.reason, 'EDGE_CONNECTION'));
    signal.addEventListener('abort', abort, { once: true });
    websocket.once('unexpected-response', (_request, response) => {
      response.destroy();
      refuse(refusal(response.statusCode ?? 0));
    });
    websocket.once('error', (cause: Error) =>
      refuse(
        new EdgeError('EDGE_CONNECTION', 'The hub did not upgrade the connection.', { cause }),
      ),
    );
    websocket.once('open', () => {
      settle();
      resolve(opened(websocket));
    });
  });
}

function refusal(status: number): EdgeError {
  if (status === 401 || status === 403)
    return new EdgeError('EDGE_UNAUTHENTICATED', 'The hub does not accept this node.', {
      hint: 'Its certificate has lapsed or was revoked, or it is another hub: join again.',
    });
  return new EdgeError('EDGE_CONNECTION', `The hub answered the upgrade with ${status}.`, {
    hint: status === 503 ? 'The hub is full; it will be tried again.' : 'Is this port the hub’s?',
  });
}
