import type { Random } from '#protocol/random.js';
import type { Exchange } from '../recovery/exchange.js';
import { PATH_DATA_BYTES } from '../wire/frame.js';
import { SESSION_LIMITS } from './limits.js';
import { isSameHost, Route } from './route.js';
import type { Role } from './traffic.js';

/** An answer to a challenge, and who has to hear it. */
export interface PathAnswer {
  readonly data: Uint8Array;
  readonly to: string;
}

/**
 * Where the other end is. A server follows its client to a new address with the newest packet that
 * was opened (RFC 9000 section 9.3), at once but with few bytes until the address has proved that
 * it hears, and back if it does not.
 */
export class Roaming {
  readonly #role: Role;
  readonly #exchange: Exchange;
  readonly #random: Random;
  #route: Route;
  /** Proved, and gone back to when the present one is not. */
  #former: Route | undefined;
  #answers: PathAnswer[] = [];
  #moves = 0;

  constructor(role: Role, exchange: Exchange, random: Random, address: string) {
    this.#role = role;
    this.#exchange = exchange;
    this.#random = random;
    this.#route = new Route(address, exchange.path);
  }

  get route(): Route {
    return this.#route;
  }

  get moves(): number {
    return this.#moves;
  }

  /** A packet was opened. `mayMove`: it is the newest and more than a probe. */
  cameFrom(from: string, bytes: number, mayMove: boolean, now: number): void {
    if (from !== this.#route.address) {
      if (this.#role === 'client' || !mayMove) return;
      const former = this.#route.isProved ? this.#route : this.#former;
      const isBack = from === former?.address;
      this.#goTo(from, now);
      this.#former = isBack ? undefined : former;
      if (!isBack) this.#route.prove(this.#random.bytes(PATH_DATA_BYTES), now);
    }
    this.#route.received(bytes);
  }

  /** This end has another address itself: all that was known of the path is gone. */
  moved(): void {
    this.#goTo(this.#route.address);
  }

  challenged(data: Uint8Array, from: string): void {
    if (this.#answers.length >= SESSION_LIMITS.pathAnswers) this.#answers.shift();
    this.#answers.push({ data: data.slice(), to: from });
  }

  answered(data: Uint8Array): void {
    if (this.#route.answered(data)) this.#former = undefined;
  }

  takeAnswer(): PathAnswer | undefined {
    return this.#answers.shift();
  }

  onTimer(now: number): void {
    if (!this.#route.isGivenUp(now) || this.#former === undefined) return;
    const { address } = this.#former;
    this.#former = undefined;
    this.#goTo(address, now);
  }

  /**
   * Another port of the same host is another mapping of the same path, and keeps what is known.
   * `strayedAt`: the other end has moved, by now, so that what is on its way to it is lost.
   */
  #goTo(address: string, strayedAt?: number): void {
    const before = this.#route;
    const { path } = this.#exchange;
    this.#moves++;
    if (address !== before.address && isSameHost(address, before.address)) {
      this.#route = new Route(address, path, before.controller);
      return;
    }
    const roundTripMs = path.roundTrip.smoothedMs;
    this.#route = new Route(address, this.#exchange.moveTo({ roundTripMs }));
    if (strayedAt !== undefined) this.#exchange.sender.strayed(strayedAt);
  }
}
