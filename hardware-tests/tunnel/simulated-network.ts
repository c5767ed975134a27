import type { ManualClock } from '#protocol/manual-clock.js';
import type { DatagramPort } from '#tunnel/coded/endpoint/datagram-port.js';
import type { Link } from './simulated-link.js';
import { IP_UDP_BYTES } from './simulated-path.js';

/** What happens to a datagram between its ends: by default only what the link does to it. */
export type Tamper = (datagram: Uint8Array, from: string, to: string) => readonly Uint8Array[];

/** Nodes and a hub on a clock; each node has a link up and one down. */
export class SimulatedNetwork {
  readonly #clock: ManualClock;
  readonly #ports = new Map<string, SimulatedPort>();
  /** Datagrams and their bytes that entered the network, by sender. */
  readonly sent = new Map<string, { datagrams: number; bytes: number }>();
  tamper: Tamper = (datagram) => [datagram];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** A port at `address`, whose datagrams leave over `link`. */
  port(address: string, link: (to: string) => Link): SimulatedPort {
    const port = new SimulatedPort(address, (datagram, to) =>
      this.#carry(datagram, port.address, to, link(to)),
    );
    this.#ports.set(address, port);
    return port;
  }

  /** The port has another address from now on, as behind a NAT; the old one leads nowhere. */
  move(port: SimulatedPort, address: string): void {
    this.#ports.delete(port.address);
    port.address = address;
    this.#ports.set(address, port);
  }

  /** A datagram out of nowhere: forged, replayed, spoofed. */
  inject(datagram: Uint8Array, from: string, to: string): void {
    this.#ports.get(to)?.deliver(datagram, from);
  }

  #carry(datagram: Uint8Array, from: string, to: string, link: Link): void {
    const sent = this.sent.get(from) ?? { datagrams: 0, bytes: 0 };
    sent.datagrams++;
    sent.bytes += datagram.length;
    this.sent.set(from, sent);
    const now = this.#clock.now();
    for (const one of this.tamper(datagram, from, to)) {
      const at = link.send(one.length + IP_UDP_BYTES, now);
      if (at === undefined) continue;
      const copy = one.slice();
      this.#clock.setTimer('link', at - now, () => this.#ports.get(to)?.deliver(copy, from));
    }
  }
}

export class SimulatedPort implements DatagramPort {
  address: string;
  readonly #carry: (datagram: Uint8Array, to: string) => void;
  #listener: ((datagram: Uint8Array, from: string) => void) | undefined;
  #isOpen = true;

  constructor(address: string, carry: (datagram: Uint8Array, to: string) => void) {
    this.address = address;
    this.#carry = carry;
  }

  send(datagram: Uint8Array, to: string): void {
    if (this.#isOpen) this.#carry(datagram, to);
  }

  onDatagram(listener: (datagram: Uint8Array, from: string) => void): void {
    this.#listener = listener;
  }

  onRefused(): void {
    // No simulated link tells.
  }

  deliver(datagram: Uint8Array, from: string): void {
    if (this.#isOpen) this.#listener?.(datagram, from);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
  }
}
