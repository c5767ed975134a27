import type { Socket } from 'node:net';
import type { CloseCode, Peer } from '../transport.js';
import type { WebsocketConnection } from './connection.js';

/** Who is connected: all, and by node in order of arrival. */
export class Roster {
  readonly #perNodeMax: number;
  readonly #all = new Set<WebsocketConnection>();
  readonly #byNode = new Map<string, Set<WebsocketConnection>>();
  #onEmpty: (() => void) | undefined;

  constructor(perNodeMax: number) {
    this.#perNodeMax = perNodeMax;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The oldest connection of a node with too many yields: it is the likeliest to be half-open. */
  add(connection: WebsocketConnection): void {
    const { name } = connection.peer;
    const siblings = this.#byNode.get(name) ?? new Set();
    this.#byNode.set(name, siblings.add(connection));
    this.#all.add(connection);
    connection.onGone(() => {
      this.#all.delete(connection);
      siblings.delete(connection);
      if (siblings.size === 0 && this.#byNode.get(name) === siblings) this.#byNode.delete(name);
      if (this.#all.size === 0) this.#onEmpty?.();
    });
    if (siblings.size <= this.#perNodeMax) return;
    const [oldest] = siblings;
    oldest?.close('superseded', 'too many connections of this node');
  }

  /** Resolves when nobody is connected. */
  emptied(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#all.size === 0) resolve();
    });
  }

  close(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number {
    const closing = [...this.#all].filter(({ peer }) => predicate(peer));
    for (const connection of closing) connection.close(code, detail);
    return closing.length;
  }
}

/** Sockets that nobody vouches for yet. When there are too many the oldest is dropped. */
export class PendingSockets {
  readonly #max: number;
  /** By the peer's address and port, which the TLS socket above shows as well. */
  readonly #sockets = new Map<string, Socket>();
  #dropped = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#sockets.size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(socket: Socket): void {
    const key = keyOf(socket);
    this.#sockets.set(key, socket);
    socket.once('close', () => {
      if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
    });
    if (this.#sockets.size <= this.#max) return;
    for (const [oldestKey, oldest] of this.#sockets) {
      this.#sockets.delete(oldestKey);
      this.#dropped++;
      oldest.destroy();
      return;
    }
  }

  /** This socket became a node's connection. `secure` is the TLS socket or the one below it. */
  admit(secure: Socket): void {
    this.#sockets.delete(keyOf(secure));
  }

  destroyAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress ?? '?'} ${socket.remotePort ?? 0}`;
}
