import { connect as connectTls, type TLSSocket } from 'node:tls';
import { sleep, systemClock, type Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { TestAuthority } from '../test-authority.js';
import type { CloseReason, Connection, Identity, Transport } from '../transport.js';
import { websocketTransport } from './client.js';
import {
  listenWebsocket,
  type WebsocketListenOptions,
  type WebsocketListener,
} from './listener.js';

/** A real listener on loopback, with everything that it was told. For tests. */
export interface TestHub {
  readonly authority: TestAuthority;
  readonly listener: WebsocketListener;
  readonly port: number;
  readonly accepted: Connection[];
  readonly reasons: CloseReason[];
  readonly messages: Uint8Array[];
}

export async function hubFor(
  t: Teardown,
  options: Partial<WebsocketListenOptions> = {},
): Promise<TestHub> {
  const authority = new TestAuthority();
  const listener = await listenWebsocket({
    listen: { host: '127.0.0.1', port: 0 },
    identity: authority.hub(),
    clientAuthorities: [authority.certificate],
    clock: systemClock,
    log: silentLog,
    ...options,
  });
  t.teardown(() => listener.close());
  const hub: TestHub = {
    authority,
    listener,
    port: Number(listener.address.split(':')[1]),
    accepted: [],
    reasons: [],
    messages: [],
  };
  listener.onConnection((connection) => {
    hub.accepted.push(connection);
    connection.onMessage((message) => hub.messages.push(message));
    connection.onClose((reason) => hub.reasons.push(reason));
  });
  return hub;
}

export async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = systemClock.now() + 120_000;
  while (!condition()) {
    if (systemClock.now() > giveUpAtMs)
      throw new EdgeError('EDGE_TIMEOUT', 'The condition never held.');
    await sleep(systemClock, 'until', 1);
  }
}

export function transport(clock: Clock = systemClock): Transport {
  return websocketTransport({ clock, random: seededRandom(1), log: silentLog });
}

/** What of a test's context is needed here: a way to say what must be undone. */
export interface Teardown {
  teardown(undo: () => unknown): void;
}

export interface RawClient {
  readonly socket: TLSSocket;
  readonly heard: () => string;
  readonly isClosed: () => boolean;
}

/** A TLS client that says what it likes, and what it heard. */
export async function raw(t: Teardown, port: number, identity?: Identity): Promise<RawClient> {
  let heard = '';
  let isClosed = false;
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(identity === undefined ? {} : { key: identity.key, cert: identity.certificate }),
  });
  t.teardown(() => socket.destroy());
  socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  await new Promise<void>((resolve) => {
    if (socket.getProtocol() !== null) resolve();
    else socket.once('secureConnect', () => resolve());
  });
  return { socket, heard: () => heard, isClosed: () => isClosed };
}

export const UPGRADE = [
  'GET /v1/tunnel HTTP/1.1',
  'Host: hub',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '',
  '',
].join('\r\n');

/** A node that is let in and then does what it likes. */
export async function upgraded(t: Teardown, hub: TestHub): Promise<RawClient> {
  const client = await raw(t, hub.port, hub.authority.node('evil'));
  client.socket.write(UPGRADE);
  await until(() => hub.accepted.length === 1 && client.heard().includes('\r\n\r\n'));
  return client;
}
