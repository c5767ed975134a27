import type { Clock, Timer } from '#protocol/clock.js';
import type { EdgeError } from '#protocol/errors.js';
import { NO_BYTES } from '../session/handshake-packets.js';
import type { LongHeader } from '../wire/packet-header.js';
import type { CodedConnection } from './coded-connection.js';
import { splitAddress } from './datagram-port.js';
import { keyOf } from './dialler.js';
import type { HandshakeResult, OpenHandshake } from './handshake-port.js';
import { HandshakeRunner } from './handshake-runner.js';
import type { DoorLimits } from './limits.js';

/** A client whose address is proved and whose name is not, or not yet heard to be accepted. */
export interface PendingHandshake {
  readonly address: string;
  readonly clientId: Uint8Array;
  readonly ownId: Uint8Array;
  readonly runner: HandshakeRunner;
  readonly timer: Timer;
  connection: CodedConnection | undefined;
}

export interface BeginOptions {
  readonly open: OpenHandshake;
  readonly ownId: Uint8Array;
  readonly transmit: (datagram: Uint8Array) => void;
  readonly onDone: (pending: PendingHandshake, result: HandshakeResult) => void;
  readonly onFailed: (error: EdgeError) => void;
}

/** The handshakes under way at a hub: bounded in number and time; the oldest yields. */
export class Handshakes {
  readonly #clock: Clock;
  readonly #limits: DoorLimits;
  readonly #pending = new Map<string, PendingHandshake>();
  #dropped = 0;

  constructor(clock: Clock, limits: DoorLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#pending.size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  find(from: string, { source }: LongHeader): PendingHandshake | undefined {
    return this.#pending.get(nameOf(from, source));
  }

  /** When there are too many, of this host or of all, the oldest of them yields. */
  begin(address: string, clientId: Uint8Array, options: BeginOptions): PendingHandshake {
    const { host } = splitAddress(address);
    const own = [...this.#pending.values()].filter(
      (other) => splitAddress(other.address).host === host,
    );
    if (own.length >= this.#limits.handshakesPerHost) this.#drop(own[0]);
    if (this.#pending.size >= this.#limits.handshakes) this.#drop(first(this.#pending.values()));
    const name = nameOf(address, clientId);
    const { ownId } = options;
    const runner = new HandshakeRunner({
      clock: this.#clock,
      open: options.open,
      fields: () => ({ kind: 'handshake', destination: clientId, source: ownId, token: NO_BYTES }),
      context: () => Buffer.concat([clientId, ownId]),
      transmit: options.transmit,
      onDone: (result) => options.onDone(pending, result),
      onFailed: (error) => {
        this.#forget(pending);
        options.onFailed(error);
      },
    });
    const timer = this.#clock.setTimer('tunnel handshake end', this.#limits.handshakeMs, () => {
      this.#forget(pending);
      if (pending.connection?.isConfirmed === false)
        pending.connection.close('lost', 'it never answered');
    });
    const pending: PendingHandshake = {
      address,
      clientId,
      ownId,
      runner,
      timer,
      connection: undefined,
    };
    this.#pending.set(name, pending);
    return pending;
  }

  /** The client has shown that it holds the keys: nothing of the handshake is needed any more. */
  settle(connection: CodedConnection): void {
    for (const pending of this.#pending.values())
      if (pending.connection === connection) this.#forget(pending);
  }

  clear(): void {
    for (const pending of this.#pending.values()) this.#forget(pending);
  }

  #drop(pending: PendingHandshake | undefined): void {
    if (pending === undefined) return;
    this.#dropped++;
    this.#forget(pending);
  }

  #forget(pending: PendingHandshake): void {
    pending.timer.cancel();
    pending.runner.destroy();
    this.#pending.delete(nameOf(pending.address, pending.clientId));
  }
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}

function nameOf(address: string, clientId: Uint8Array): string {
  return `${address} ${keyOf(clientId)}`;
}
