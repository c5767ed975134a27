import type { Clock, Timer } from '#protocol/clock.js';
import type { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { MAPPER_LIMITS } from './limits.js';
import type { Link, LinkEvents, OpenLink } from './link.js';

export interface ReconnectingPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What is told of a link that is made again whenever it is lost. */
export type ReconnectingEvents = Pick<LinkEvents, 'opened' | 'received'> & {
  /** It was lost, or could not be opened; it is tried again. */
  lost(cause: EdgeError): void;
};

/** A link that is opened again, under full jitter, until it is closed: an adapter may be replugged. */
export class ReconnectingLink {
  readonly #open: OpenLink;
  readonly #ports: ReconnectingPorts;
  readonly #events: ReconnectingEvents;
  #link: Link | undefined;
  #isOpen = false;
  #timer: Timer | undefined;
  #failures = 0;
  #ended = false;
  #trouble: EdgeError | undefined;
  #reconnects = 0;

  constructor(open: OpenLink, ports: ReconnectingPorts, events: ReconnectingEvents) {
    this.#open = open;
    this.#ports = ports;
    this.#events = events;
    this.#connect();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** It was not open yet, and could not fail yet either. */
  get isOpening(): boolean {
    return !this.#isOpen && !this.#ended && this.#trouble === undefined;
  }

  get reconnects(): number {
    return this.#reconnects;
  }

  /** What keeps it from being open, for people. */
  get trouble(): string | undefined {
    if (this.#isOpen) return undefined;
    return this.#trouble?.message ?? 'the connection is being made';
  }

  /** Ignored while it is not open. */
  send(bytes: Uint8Array): void {
    if (this.#isOpen) this.#link?.send(bytes);
  }

  /** Resolves when the port is released. Idempotent. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#isOpen = false;
    this.#timer?.cancel();
    await this.#link?.close();
  }

  #connect(): void {
    this.#link = this.#open({
      opened: () => {
        this.#isOpen = true;
        this.#failures = 0;
        this.#trouble = undefined;
        this.#ports.log.info('link-open');
        this.#events.opened();
      },
      received: (bytes) => {
        if (!this.#ended) this.#events.received(bytes);
      },
      closed: (cause) => this.#lost(cause),
    });
  }

  #lost(cause: EdgeError): void {
    if (this.#ended) return;
    if (this.#trouble === undefined) this.#ports.log.warn('link-closed', { cause });
    this.#trouble = cause;
    this.#isOpen = false;
    // A port that is still open would refuse its own lock.
    const released = this.#link?.close() ?? Promise.resolve();
    const boundMs = MAPPER_LIMITS.reconnectFirstMs * 2 ** Math.min(this.#failures++, 16);
    const delayMs = this.#ports.random.unit() * Math.min(MAPPER_LIMITS.reconnectMaxMs, boundMs);
    this.#timer = this.#ports.clock.setTimer('reconnect', delayMs, () => {
      void released.then(() => {
        if (this.#ended) return;
        this.#reconnects += 1;
        this.#connect();
      });
    });
    this.#events.lost(cause);
  }
}
