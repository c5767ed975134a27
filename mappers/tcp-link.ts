import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { MAPPER_LIMITS } from './limits.js';
import type { Link, LinkEvents, OpenLink } from './link.js';

export interface TcpSettings {
  readonly host: string;
  readonly tcpPort: number;
}

/** Idle time before the kernel probes a connection whose peer may have lost power. */
const KEEP_ALIVE_MS = 10_000;

/** Bytes taken from the kernel at once: a memory of the connection's own, so that no read takes one. */
const READ_BYTES = 4_096;

/** A connection to a device, or to a server that passes on a serial line. */
export function tcpLink(settings: TcpSettings, clock: Clock): OpenLink {
  return (events) => new TcpLink(settings, clock, events);
}

class TcpLink implements Link {
  readonly #socket: Socket;
  readonly #settings: TcpSettings;
  readonly #events: LinkEvents;
  readonly #openTimer: Timer;
  #live = true;

  constructor(settings: TcpSettings, clock: Clock, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#socket = connect({
      host: settings.host,
      port: settings.tcpPort,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: {
        buffer: new Uint8Array(READ_BYTES),
        callback: (length, bytes) => {
          if (this.#live) this.#events.received(bytes.slice(0, length));
          return true;
        },
      },
    });
    this.#openTimer = clock.setTimer('tcp open', MAPPER_LIMITS.openMs, () =>
      this.#fail('did not accept the connection in time'),
    );
    this.#socket.on('connect', () => {
      this.#openTimer.cancel();
      if (this.#live) this.#events.opened();
    });
    this.#socket.resume();
    this.#socket.on('error', (cause) => this.#fail(cause.message, cause));
    this.#socket.on('end', () => this.#fail('closed the connection'));
    this.#socket.on('close', () => this.#fail('closed the connection'));
  }

  send(bytes: Uint8Array): void {
    if (this.#live && this.#socket.writable) this.#socket.write(bytes);
  }

  async close(): Promise<void> {
    this.#live = false;
    this.#openTimer.cancel();
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }

  #fail(what: string, cause?: unknown): void {
    this.#openTimer.cancel();
    if (!this.#live) return;
    this.#live = false;
    this.#socket.destroy();
    const { host, tcpPort } = this.#settings;
    this.#events.closed(
      new EdgeError('EDGE_DEVICE_CLOSED', `${host}:${tcpPort}: ${what}`, {
        cause,
        hint: 'Check the address, the port (Modbus usually has 502) and that the device allows another connection.',
      }),
    );
  }
}
