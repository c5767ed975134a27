import type { Socket } from 'node:net';

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
