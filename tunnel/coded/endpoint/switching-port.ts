import type { DatagramPort } from './datagram-port.js';

/** A port whose socket may be another from one datagram to the next; who listens stays. */
export class SwitchingPort implements DatagramPort {
  #port: DatagramPort;
  #hear: ((datagram: Uint8Array, from: string) => void) | undefined;
  #refused: ((cause: unknown) => void) | undefined;
  #unsendable: (() => void) | undefined;
  #isOpen = true;

  constructor(port: DatagramPort) {
    this.#port = port;
  }

  get address(): string {
    return this.#port.address;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(datagram: Uint8Array, to: string): void {
    this.#port.send(datagram, to);
  }

  onDatagram(listener: (datagram: Uint8Array, from: string) => void): void {
    this.#hear = listener;
    this.#listen(this.#port);
  }

  onRefused(listener: (cause: unknown) => void): void {
    this.#refused = listener;
    this.#port.onRefused(listener);
  }

  onUnsendable(listener: () => void): void {
    this.#unsendable = listener;
    this.#port.onUnsendable?.(listener);
  }

  /** From now on by this one; the former is closed. */
  switchTo(port: DatagramPort): void {
    const former = this.#port;
    this.#port = port;
    this.#listen(port);
    if (this.#refused !== undefined) port.onRefused(this.#refused);
    if (this.#unsendable !== undefined) port.onUnsendable?.(this.#unsendable);
    void former.close();
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return this.#port.close();
  }

  #listen(port: DatagramPort): void {
    port.onDatagram((datagram, from) => this.#hear?.(datagram, from));
  }
}
