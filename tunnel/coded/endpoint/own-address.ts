import type { Clock, Timer } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import type { CodedConnection } from './coded-connection.js';
import { splitAddress, type DatagramPort } from './datagram-port.js';
import type { EndpointLimits } from './limits.js';
import type { SwitchingPort } from './switching-port.js';

export interface OwnAddressOptions {
  readonly port: SwitchingPort;
  readonly connection: CodedConnection;
  /** `host:port` of the hub. */
  readonly hub: string;
  readonly connectSocket: (hub: string) => Promise<DatagramPort>;
  readonly limits: EndpointLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a node does about an answer that does not come. */
export type AddressStep = 'nothing' | 'look' | 'renew';

/**
 * Pure. `look`: does the system send from another address by now? `renew`: another socket in any
 * case, so that whatever forgot the present one has to learn it anew.
 */
export function addressStep(
  silence: { readonly ms: number; readonly awaits: boolean },
  roundTripMs: number,
  sinceRenewedMs: number,
  limits: EndpointLimits,
): AddressStep {
  if (!silence.awaits || silence.ms < Math.max(limits.lookEveryMs, 2 * roundTripMs))
    return 'nothing';
  const isLong = silence.ms >= limits.keepAliveMs + limits.renewAfterMs;
  return isLong && sinceRenewedMs >= limits.renewEveryMs ? 'renew' : 'look';
}

/**
 * A node that changes its network keeps its session: a socket stays bound to the address that it
 * got, so when an answer is overdue this asks the system for a new one, and goes on with it when
 * its address is another.
 */
export class OwnAddress {
  readonly #options: OwnAddressOptions;
  #timer: Timer | undefined;
  #renewedAt: number;
  #again: Timer | undefined;
  #goneUntil = -Infinity;
  #isLooking = false;

  constructor(options: OwnAddressOptions) {
    this.#options = options;
    this.#renewedAt = options.clock.now();
    options.port.onUnsendable(() => this.#onUnsendable());
    options.connection.onGone(() => {
      this.#timer?.cancel();
      this.#again?.cancel();
    });
    if (options.connection.reason === undefined) this.#wait();
  }

  #wait(): void {
    const { clock, limits } = this.#options;
    this.#timer = clock.setTimer('tunnel own address', limits.lookEveryMs, () => {
      this.#wait();
      this.#check();
    });
  }

  #check(): void {
    const { connection, clock, limits } = this.#options;
    const { silence, rttMs } = connection;
    const step = addressStep(silence, rttMs, clock.now() - this.#renewedAt, limits);
    if (step !== 'nothing') this.#look(step === 'renew');
  }

  /** No answer has to be overdue: the system itself says that this way is gone. */
  #onUnsendable(): void {
    const { clock, limits } = this.#options;
    if (clock.now() < this.#goneUntil) return;
    this.#goneUntil = clock.now() + limits.lookAgainForMs;
    this.#look(false);
  }

  /** A new address comes a little after the old one has gone. */
  #lookAgain(): void {
    const { connection, clock, limits } = this.#options;
    this.#again?.cancel();
    if (connection.reason !== undefined || clock.now() >= this.#goneUntil) return;
    this.#again = clock.setTimer('tunnel own address', limits.lookAgainMs, () => this.#look(false));
  }

  #look(isWanted: boolean): void {
    const { connectSocket, hub } = this.#options;
    if (this.#isLooking) return;
    this.#isLooking = true;
    connectSocket(hub)
      .then((socket) => this.#found(socket, isWanted))
      .catch(() => undefined) // no way to the hub just now: asked again
      .finally(() => {
        this.#isLooking = false;
        this.#lookAgain();
      });
  }

  #found(socket: DatagramPort, isWanted: boolean): void {
    const { port, connection, clock, log } = this.#options;
    const isMoved = splitAddress(socket.address).host !== splitAddress(port.address).host;
    if (connection.reason !== undefined || !port.isOpen || (!isMoved && !isWanted)) {
      void socket.close();
      return;
    }
    log.info('tunnel address', { from: port.address, to: socket.address });
    this.#renewedAt = clock.now();
    this.#goneUntil = -Infinity;
    port.switchTo(socket);
    if (isMoved) connection.moved();
    else connection.ask();
  }
}
