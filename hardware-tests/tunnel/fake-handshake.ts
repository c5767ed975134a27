import { createHash } from 'node:crypto';
import { EdgeError } from '#protocol/errors.js';
import type { CertifiedName } from '#tunnel/transport.js';
import type { HandshakeEvents, OpenHandshake } from '#tunnel/coded/endpoint/handshake-port.js';

/** Bytes of the flights of TLS 1.3 with client certificates: hello, server's, client's. */
const FLIGHTS = [330, 1_900, 1_400] as const;

const named = (name: string): CertifiedName => ({ name, fingerprint: `of ${name}`, serial: '01' });

/**
 * The flights of TLS 1.3 without its cryptography, so that thousands of handshakes run in
 * simulated time. Believes everybody; a name that starts with `evil` is refused by the hub.
 */
export function fakeHandshake(role: 'client' | 'server', ownName: string): OpenHandshake {
  return (events) => new FakeHandshake(role, ownName, events);
}

class FakeHandshake {
  readonly #role: 'client' | 'server';
  readonly #ownName: string;
  readonly #events: HandshakeEvents;
  #read = Buffer.alloc(0);
  #isOpen = true;

  constructor(role: 'client' | 'server', ownName: string, events: HandshakeEvents) {
    this.#role = role;
    this.#ownName = ownName;
    this.#events = events;
    if (role === 'client') this.#write(FLIGHTS[0]);
  }

  read(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    const before = this.#read.length;
    this.#read = Buffer.concat([this.#read, bytes]);
    const passed = (mark: number): boolean => before < mark && this.#read.length >= mark;
    if (this.#role === 'client' && passed(FLIGHTS[1])) {
      this.#write(FLIGHTS[2]);
      this.#done();
    }
    if (this.#role === 'server' && passed(FLIGHTS[0])) this.#write(FLIGHTS[1]);
    if (this.#role === 'server' && passed(FLIGHTS[0] + FLIGHTS[2])) this.#done();
  }

  destroy(): void {
    this.#isOpen = false;
  }

  /** Each flight names its sender in its first bytes. */
  #write(length: number): void {
    const flight = Buffer.alloc(length);
    flight.write(this.#ownName);
    this.#events.write(flight);
  }

  #done(): void {
    const name = this.#read.toString('latin1', 0, this.#read.indexOf(0));
    const secret = createHash('sha256').update(this.#events.context()).digest();
    const peer = name.startsWith('evil')
      ? new EdgeError('EDGE_UNAUTHENTICATED', 'Evil by name.')
      : named(name);
    this.#events.done({ secret, cipher: 'aes-128-gcm', peer });
  }
}
