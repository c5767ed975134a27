import type { OpenLink } from '../link.js';
import { ReconnectingLink } from '../reconnecting-link.js';
import type { ReconnectingPorts } from '../reconnecting-link.js';

/** That the line is there, bytes from it, or that it was lost: what was begun is void. */
export interface LineListener {
  opened(): void;
  received(bytes: Uint8Array): void;
  lost(): void;
}

/** One serial line, whose bytes every device on it hears; one request is under way at a time. */
export class Line {
  readonly #link: ReconnectingLink;
  readonly #listeners = new Set<LineListener>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(open: OpenLink, ports: ReconnectingPorts) {
    this.#link = new ReconnectingLink(open, ports, {
      opened: () => this.#listeners.forEach((listener) => listener.opened()),
      received: (bytes) => this.#listeners.forEach((listener) => listener.received(bytes)),
      lost: () => this.#listeners.forEach((listener) => listener.lost()),
    });
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** The first attempt is under way. */
  get isOpening(): boolean {
    return this.#link.isOpening;
  }

  get trouble(): string | undefined {
    return this.#link.trouble;
  }

  get reconnects(): number {
    return this.#link.reconnects;
  }

  /** Until the function that it returns is called. */
  listen(listener: LineListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  send(bytes: Uint8Array): void {
    this.#link.send(bytes);
  }

  /** Runs `exchange` when those before it have ended: answers must not be mixed up. */
  inTurn<T>(exchange: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(exchange);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#link.close();
    this.#listeners.forEach((listener) => listener.lost());
  }
}
