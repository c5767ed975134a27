import { TUNNEL_LIMITS } from './limits.js';
import type { CloseReason } from './transport.js';

/**
 * Who listens to a connection, one each, and what came before they did: the part of `Connection`
 * that is the same in every transport.
 */
export class ConnectionListeners {
  #early: Uint8Array[] = [];
  #hear: ((message: Uint8Array) => void) | undefined;
  #drained: (() => void) | undefined;
  #closed: ((reason: CloseReason) => void) | undefined;
  readonly #gone: (() => void)[] = [];
  #reason: CloseReason | undefined;

  /** Why it ended; undefined while it has not. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#hear = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  onDrained(listener: () => void): void {
    this.#drained = listener;
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#closed = listener;
    if (this.#reason !== undefined) listener(this.#reason);
  }

  /** For the books of whoever made it, any number of them; before `onClose` fires. */
  onGone(listener: () => void): void {
    this.#gone.push(listener);
  }

  /** False: nobody listens and too many wait already; it was not taken. */
  hear(message: Uint8Array): boolean {
    if (this.#hear !== undefined) this.#hear(message);
    else if (this.#early.length < TUNNEL_LIMITS.earlyMessages) this.#early.push(message);
    else return false;
    return true;
  }

  drained(): void {
    this.#drained?.();
  }

  /** Fires once; later reasons are not heard. */
  ended(reason: CloseReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const gone of this.#gone) gone();
    this.#closed?.(reason);
  }
}
