import { CongestionController } from '../congestion/controller.js';
import type { Path } from '../recovery/path.js';
import { SESSION_LIMITS } from './limits.js';

/** A network path of a session: where it leads, how much may be sent on it, whether it is proved. */
export class Route {
  /** `host:port`, as the socket shows it; for the socket only. */
  readonly address: string;
  readonly controller: CongestionController;
  /** The challenge whose answer proves the address; undefined: it is proved. */
  #challenge: Uint8Array | undefined;
  #challengeDueAt = Infinity;
  #givenUpAt = Infinity;
  #received = 0;
  #sent = 0;
  #tries = 0;

  /** `controller`: of the former address, when only its port is another. */
  constructor(address: string, path: Path, controller?: CongestionController) {
    this.address = address;
    this.controller = controller ?? new CongestionController(path.roundTrip);
  }

  get isProved(): boolean {
    return this.#challenge === undefined;
  }

  /** Asks the address to prove that it hears. `challenge`: 8 random bytes. */
  prove(challenge: Uint8Array, now: number): void {
    this.#challenge = challenge;
    this.#challengeDueAt = now;
    this.#givenUpAt = now + SESSION_LIMITS.validationMs;
  }

  /** Any path may bring the answer: only who hears at this address knows it. */
  answered(data: Uint8Array): boolean {
    if (this.#challenge === undefined || Buffer.compare(data, this.#challenge) !== 0) return false;
    this.#challenge = undefined;
    this.#challengeDueAt = Infinity;
    this.#givenUpAt = Infinity;
    return true;
  }

  /** The challenge, when it is to be sent (again). */
  takeChallenge(roundTripMs: number, now: number): Uint8Array | undefined {
    if (this.#challenge === undefined || this.#challengeDueAt > now) return undefined;
    const gap = this.#tries++ < 3 ? 20 : Math.max(100, roundTripMs);
    this.#challengeDueAt = now + gap;
    return this.#challenge;
  }

  isGivenUp(now: number): boolean {
    return now >= this.#givenUpAt;
  }

  received(bytes: number): void {
    this.#received += bytes;
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** Bytes of datagrams that may be sent there for now. */
  get allowance(): number {
    if (this.isProved) return Infinity;
    return Math.max(0, SESSION_LIMITS.amplification * this.#received - this.#sent);
  }

  wakeAt(): number {
    return Math.min(this.#challengeDueAt, this.#givenUpAt);
  }
}

/** The same machine as far as anybody can tell: a NAT gave another port to it. */
export function isSameHost(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf(':')) === b.slice(0, b.lastIndexOf(':'));
}
