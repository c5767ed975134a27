import type { SerialPort } from 'serialport';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { MAPPER_LIMITS } from './limits.js';
import type { Link, LinkEvents, OpenLink } from './link.js';

export interface SerialSettings {
  /** A device file, a `/dev/serial/by-id` link or a pseudo-terminal. */
  readonly port: string;
  readonly baudRate: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly stopBits: 1 | 1.5 | 2;
  readonly parity: 'none' | 'even' | 'odd';
}

/**
 * Opens serial ports: the only file that knows the `serialport` package, which is loaded with the
 * first port. Ports are locked against other programs that lock. `SerialPort.list` is never
 * called: it needs `udevadm` and ends the process where there is none.
 */
export function serialLink(settings: SerialSettings, clock: Clock): OpenLink {
  return (events) => new SerialLink(settings, clock, events);
}

class SerialLink implements Link {
  readonly #events: LinkEvents;
  readonly #settings: SerialSettings;
  #port: SerialPort | undefined;
  /** False once `closed` was told or `close` was called: nothing is said after that. */
  #live = true;
  readonly #opening: Promise<void>;

  constructor(settings: SerialSettings, clock: Clock, events: LinkEvents) {
    this.#events = events;
    this.#settings = settings;
    this.#opening = this.#open(clock);
  }

  send(bytes: Uint8Array): void {
    if (this.#live && this.#port?.isOpen === true) this.#port.write(bytes);
  }

  async close(): Promise<void> {
    this.#live = false;
    await this.#opening;
    await release(this.#port);
  }

  async #open(clock: Clock): Promise<void> {
    const timer = clock.setTimer('serial open', MAPPER_LIMITS.openMs, () =>
      this.#fail('did not open in time'),
    );
    try {
      const { SerialPort } = await import('serialport');
      const { port: path, ...line } = this.#settings;
      const port = new SerialPort({ path, ...line, autoOpen: false, lock: true });
      this.#port = port;
      port.on('error', (cause) => this.#fail('failed', cause));
      port.on('close', (cause: unknown) => this.#fail('was closed or unplugged', cause));
      port.on('data', (chunk: Uint8Array) => {
        if (this.#live) this.#events.received(chunk);
      });
      await new Promise<void>((resolve, reject) => {
        port.open((cause) => (cause === null ? resolve() : reject(cause)));
      });
      if (this.#live) this.#events.opened();
      else await release(port);
    } catch (cause) {
      this.#fail('cannot be opened', cause);
    } finally {
      timer.cancel();
    }
  }

  #fail(what: string, cause?: unknown): void {
    if (!this.#live) return;
    this.#live = false;
    void release(this.#port);
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    this.#events.closed(
      new EdgeError('EDGE_DEVICE_CLOSED', `${this.#settings.port} ${what}${why}`, {
        cause,
        hint: 'Check that the adapter is plugged in, that the port is right, that this user may open it (group dialout) and that no other program holds it.',
      }),
    );
  }
}

function release(port: SerialPort | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (port?.isOpen === true) port.close(() => resolve());
    else resolve();
  });
}
