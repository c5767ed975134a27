import type { Connection, Priority } from '#tunnel/transport.js';

interface Held {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
}

/**
 * What the transport did not take yet. State and what is urgent never wait here behind samples or
 * bulk, whose own rooms bound how much of it there is.
 */
export class Outbox {
  readonly #connection: Connection;
  #urgent: Held[] = [];
  #lazy: Held[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get length(): number {
    return this.#urgent.length + this.#lazy.length;
  }

  /** False when something urgent is held since now: send no more before it has gone. */
  send(bytes: Uint8Array, priority: Priority): boolean {
    const isLazy = priority === 'samples' || priority === 'bulk';
    const isBehind = this.#urgent.length > 0 || (isLazy && this.#lazy.length > 0);
    if (!isBehind && this.#connection.send(bytes, priority)) return true;
    (isLazy ? this.#lazy : this.#urgent).push({ bytes, priority });
    return isLazy || this.#urgent.length > 1;
  }

  /** The transport takes more. True when nothing urgent is held any more, and something was. */
  drain(): boolean {
    const wasHeld = this.#urgent.length > 0;
    if (!this.#flush(this.#urgent)) return false;
    this.#flush(this.#lazy);
    return wasHeld;
  }

  clear(): void {
    this.#urgent = [];
    this.#lazy = [];
  }

  #flush(held: Held[]): boolean {
    for (let next = held[0]; next !== undefined; next = held[0]) {
      if (!this.#connection.send(next.bytes, next.priority)) return false;
      held.shift();
    }
    return true;
  }
}
