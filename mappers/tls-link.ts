import { readFile } from 'node:fs/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { MAPPER_LIMITS } from './limits.js';
import type { Link, LinkEvents, OpenLink } from './link.js';
import type { TcpSettings } from './tcp-link.js';

/** Modbus/TCP Security: TLS with certificates at both ends. Files are PEM, read at each connection. */
export interface TlsSettings extends TcpSettings {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The name in the device's certificate, when it is not `host`. */
  readonly serverName?: string;
}

export function tlsLink(settings: TlsSettings, clock: Clock): OpenLink {
  return (events) => new TlsLink(settings, clock, events);
}

class TlsLink implements Link {
  readonly #settings: TlsSettings;
  readonly #events: LinkEvents;
  readonly #opening: Promise<void>;
  #socket: TLSSocket | undefined;
  #live = true;

  constructor(settings: TlsSettings, clock: Clock, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#opening = this.#open(clock);
  }

  send(bytes: Uint8Array): void {
    if (this.#live && this.#socket?.writable === true) this.#socket.write(bytes);
  }

  async close(): Promise<void> {
    this.#live = false;
    await this.#opening;
    const socket = this.#socket;
    if (socket === undefined || socket.closed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }

  async #open(clock: Clock): Promise<void> {
    const { host, tcpPort: port, serverName } = this.#settings;
    try {
      const [ca, cert, key] = await Promise.all(
        [this.#settings.ca, this.#settings.cert, this.#settings.key].map((file) => readFile(file)),
      );
      if (!this.#live) return;
      const socket = connect({
        host,
        port,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
        minVersion: 'TLSv1.2',
      });
      this.#socket = socket;
      const timer = clock.setTimer('tls open', MAPPER_LIMITS.openMs, () =>
        this.#fail('did not end its handshake in time'),
      );
      socket.once('secureConnect', () => {
        timer.cancel();
        if (this.#live) this.#events.opened();
      });
      socket.on('data', (chunk: Uint8Array) => {
        if (this.#live) this.#events.received(chunk);
      });
      socket.on('error', (cause: Error) => this.#fail(cause.message, cause));
      socket.on('end', () => this.#fail('closed the connection'));
      socket.on('close', () => {
        timer.cancel();
        this.#fail('closed the connection');
      });
      socket.setNoDelay(true);
    } catch (cause) {
      this.#fail(cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  #fail(what: string, cause?: unknown): void {
    if (!this.#live) return;
    this.#live = false;
    this.#socket?.destroy();
    const { host, tcpPort } = this.#settings;
    this.#events.closed(
      new EdgeError('EDGE_DEVICE_CLOSED', `${host}:${tcpPort}: ${what}`, {
        cause,
        hint: 'Check the files of ca, cert and key, the name in the certificate (serverName) and the port (Modbus Security usually has 802).',
      }),
    );
  }
}
