import { createSocket, type Socket } from 'node:dgram';
import { EdgeError } from '#protocol/errors.js';
import type { Link, LinkEvents, OpenLink } from './link.js';
import type { TcpSettings } from './tcp-link.js';

/** Datagrams to and from one address; the kernel drops those of others. */
export function udpLink(settings: TcpSettings): OpenLink {
  return (events) => new UdpLink(settings, events);
}

class UdpLink implements Link {
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  readonly #settings: TcpSettings;
  #live = true;
  #isConnected = false;
  readonly #closed: Promise<void>;

  constructor(settings: TcpSettings, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
    const { host, tcpPort } = settings;
    this.#socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' });
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('error', (cause) => this.#fail(cause));
    this.#socket.on('message', (message) => {
      if (this.#live) this.#events.received(message);
    });
    this.#socket.once('connect', () => {
      this.#isConnected = true;
      if (this.#live) this.#events.opened();
    });
    this.#socket.connect(tcpPort, host);
  }

  send(bytes: Uint8Array): void {
    // An error without a listener here would be thrown; what did not arrive times out.
    if (this.#live && this.#isConnected) this.#socket.send(bytes, () => undefined);
  }

  async close(): Promise<void> {
    if (this.#live) this.#release();
    await this.#closed;
  }

  #fail(cause: Error): void {
    if (!this.#live) return;
    this.#release();
    const { host, tcpPort } = this.#settings;
    this.#events.closed(
      new EdgeError('EDGE_DEVICE_CLOSED', `udp ${host}:${tcpPort}: ${cause.message}`, {
        cause,
        hint: 'Check the address, and that the device speaks Modbus over UDP at this port.',
      }),
    );
  }

  #release(): void {
    this.#live = false;
    this.#socket.close();
  }
}
