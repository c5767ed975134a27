import { createServer, type Server, type Socket } from 'node:net';
import { EdgeError } from '#protocol/errors.js';
import type { Link, LinkEvents, OpenLink } from './link.js';
import type { TcpSettings } from './tcp-link.js';

/** A device that dials in: the link is open while it is connected. A new connection takes over. */
export function listenLink(settings: TcpSettings): OpenLink {
  return (events) => new ListenLink(settings, events);
}

class ListenLink implements Link {
  readonly #server: Server;
  readonly #events: LinkEvents;
  readonly #settings: TcpSettings;
  #socket: Socket | undefined;
  #live = true;

  constructor(settings: TcpSettings, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
    const { host, tcpPort } = settings;
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
      this.#accept(socket),
    );
    this.#server.on('error', (cause) => this.#fail(cause.message, cause));
    this.#server.listen(tcpPort, host);
  }

  send(bytes: Uint8Array): void {
    if (this.#live && this.#socket?.writable === true) this.#socket.write(bytes);
  }

  async close(): Promise<void> {
    this.#live = false;
    this.#socket?.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined);
    // One device is behind this port: when it dials again, its old connection is half-open.
    if (this.#socket !== undefined) {
      socket.destroy();
      this.#fail('dialled in again');
      return;
    }
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (this.#live) this.#events.received(chunk);
    });
    socket.on('close', () => this.#fail('hung up'));
    socket.on('end', () => this.#fail('hung up'));
    this.#events.opened();
  }

  #fail(what: string, cause?: unknown): void {
    if (!this.#live) return;
    this.#live = false;
    this.#socket?.destroy();
    const { host, tcpPort } = this.#settings;
    this.#events.closed(
      new EdgeError('EDGE_DEVICE_CLOSED', `the device at ${host}:${tcpPort} ${what}`, {
        cause,
        hint: 'Check that the device is set to connect to this address and port, and that no other program listens there.',
      }),
    );
  }
}
