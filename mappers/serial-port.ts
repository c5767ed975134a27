import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { ConnectOpts, SocketConstructorOpts } from 'node:net';
import { ReadStream } from 'node:tty';
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

/** Bytes taken from the port at once: more than the longest frame of any sensor or slave. */
const READ_BYTES = 4_096;
/** Bytes that are written without the stream: the longest RTU or ASCII frame. */
const WRITE_BYTES = 513;
const OPEN_FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;

/**
 * Opens serial ports: the only file that knows the `serialport` package, which is loaded with the
 * first port. It opens, locks and sets up the line; the bytes go through a terminal stream of
 * Node's own on a second descriptor, because the package reads and writes in the thread pool,
 * which takes several times the CPU. `SerialPort.list` is never called: it needs `udevadm` and
 * ends the process where there is none.
 */
export function serialLink(settings: SerialSettings, clock: Clock): OpenLink {
  return (events) => new SerialLink(settings, clock, events);
}

class SerialLink implements Link {
  readonly #events: LinkEvents;
  readonly #settings: SerialSettings;
  /** Holds the lock and the settings of the line. */
  #port: SerialPort | undefined;
  #bytes: ReadStream | undefined;
  /** What is written to; the stream opens the terminal once more for itself. */
  #fd: number | undefined;
  /** Requests on their way out: memory that the system can read, unlike that of a small array. */
  readonly #out = new Uint8Array(WRITE_BYTES);
  /** False once `closed` was told or `close` was called: nothing is said after that. */
  #live = true;
  readonly #opening: Promise<void>;

  constructor(settings: SerialSettings, clock: Clock, events: LinkEvents) {
    this.#events = events;
    this.#settings = settings;
    this.#opening = this.#open(clock);
  }

  send(bytes: Uint8Array): void {
    if (!this.#live || this.#bytes === undefined) return;
    const mayGo = this.#bytes.writableLength === 0 && bytes.length <= this.#out.length;
    const sent = mayGo ? this.#sendNow(bytes) : 0;
    if (sent < bytes.length) this.#bytes.write(bytes.subarray(sent));
  }

  /** How many bytes the line takes at once: all of a request, without what a stream costs. */
  #sendNow(bytes: Uint8Array): number {
    if (this.#fd === undefined) return 0;
    try {
      this.#out.set(bytes);
      return writeSync(this.#fd, this.#out, 0, bytes.length);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      // Like every event of a link, in a later turn.
      this.#bytes?.destroy(cause as Error);
      return bytes.length;
    }
  }

  async close(): Promise<void> {
    this.#live = false;
    await this.#opening;
    await this.#release();
  }

  async #open(clock: Clock): Promise<void> {
    const timer = clock.setTimer('serial open', MAPPER_LIMITS.openMs, () =>
      this.#fail('did not open in time'),
    );
    try {
      const { SerialPort } = await import('./serial-library.js');
      const { port: path, ...line } = this.#settings;
      const port = new SerialPort({ path, ...line, autoOpen: false, lock: true });
      this.#port = port;
      port.on('error', (cause) => this.#fail('failed', cause));
      port.on('close', (cause: unknown) => this.#fail('was closed or unplugged', cause));
      await new Promise<void>((resolve, reject) => {
        port.open((cause) => (cause === null ? resolve() : reject(cause)));
      });
      await lowLatency(port);
      if (this.#live) this.#attach();
      else await this.#release();
    } catch (cause) {
      this.#fail('cannot be opened', cause);
    } finally {
      timer.cancel();
    }
  }

  #attach(): void {
    const buffer = new Uint8Array(READ_BYTES);
    const received = (length: number): boolean => {
      if (this.#live) this.#events.received(buffer.slice(0, length));
      return true;
    };
    const onread = { buffer, callback: received };
    const options: SocketConstructorOpts & ConnectOpts = { onread };
    const fd = openSync(this.#settings.port, OPEN_FLAGS);
    const bytes = new ReadStream(fd, options);
    this.#bytes = bytes;
    // It closes what it opened. Where it could not open the terminal again it has this one.
    if (isAnother(bytes, fd)) this.#fd = fd;
    bytes.on('error', (cause) => this.#fail('failed', cause));
    bytes.on('end', () => this.#fail('was closed or unplugged'));
    bytes.on('close', () => this.#fail('was closed or unplugged'));
    bytes.resume();
    this.#events.opened();
  }

  #fail(what: string, cause?: unknown): void {
    if (!this.#live) return;
    this.#live = false;
    void this.#release();
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    this.#events.closed(
      new EdgeError('EDGE_DEVICE_CLOSED', `${this.#settings.port} ${what}${why}`, {
        cause,
        hint: 'Check that the adapter is plugged in, that the port is right, that this user may open it (group dialout) and that no other program holds it.',
      }),
    );
  }

  async #release(): Promise<void> {
    const [bytes, port, fd] = [this.#bytes, this.#port, this.#fd];
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
    await new Promise<void>((resolve) => {
      if (bytes === undefined || bytes.closed) resolve();
      else bytes.once('close', () => resolve()).destroy();
    });
    await new Promise<void>((resolve) => {
      if (port?.isOpen === true) port.close(() => resolve());
      else resolve();
    });
  }
}

/** Whether a stream reads another descriptor than the one that it was made of. */
function isAnother(stream: ReadStream, fd: number): boolean {
  const { _handle: handle } = stream as { _handle?: { fd?: unknown } };
  return typeof handle?.fd === 'number' && handle.fd !== fd;
}

/** FTDI adapters hold bytes back for 16 ms otherwise; others, and pseudo-terminals, refuse it. */
function lowLatency(port: SerialPort): Promise<void> {
  const flags = { dtr: true, rts: true, lowLatency: true };
  return new Promise((resolve) => port.set(flags, () => resolve()));
}
