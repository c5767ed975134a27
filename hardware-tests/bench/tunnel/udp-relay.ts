import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/**
 * A UDP link between gateways and a hub on this machine, with a delay, that can be cut: what comes
 * then is lost, both ways. Each gateway has a socket of its own towards the hub.
 */
export class UdpRelay {
  readonly #near: Socket;
  readonly #hub: number;
  readonly #delayMs: number;
  readonly #far = new Map<number, Socket>();
  #isCut = false;

  private constructor(near: Socket, hub: number, delayMs: number) {
    this.#near = near;
    this.#hub = hub;
    this.#delayMs = delayMs;
    near.on('message', (bytes, from) => this.#up(bytes, from.port));
  }

  /** `hub`: its UDP port on loopback; `delayMs`: one way. */
  static async open(hub: number, delayMs: number): Promise<UdpRelay> {
    const near = createSocket('udp4');
    near.bind(0, '127.0.0.1');
    await once(near, 'listening');
    return new UdpRelay(near, hub, delayMs);
  }

  get port(): number {
    return this.#near.address().port;
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
  }

  close(): void {
    this.#isCut = true;
    for (const socket of [this.#near, ...this.#far.values()]) socket.close();
  }

  #up(bytes: Buffer, from: number): void {
    let far = this.#far.get(from);
    if (far === undefined) {
      far = createSocket('udp4');
      far.on('message', (answer) =>
        this.#pass(() => {
          this.#near.send(answer, from, '127.0.0.1');
        }),
      );
      this.#far.set(from, far);
    }
    const socket = far;
    this.#pass(() => {
      socket.send(bytes, this.#hub, '127.0.0.1');
    });
  }

  #pass(send: () => void): void {
    if (this.#isCut) return;
    setTimeout(() => {
      if (!this.#isCut) send();
    }, this.#delayMs);
  }
}
