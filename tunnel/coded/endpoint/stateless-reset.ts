import type { Random } from '#protocol/random.js';

/** First byte of a data packet with no flags. */
const SHORT = 0x40;
/** As long as a small data packet, so that nobody else can tell it from one. */
const BYTES_MAX = 48;
const BYTES_MIN = 30;

/**
 * What tells the owner of a session that this end has forgotten it (RFC 9000 section 10.3): noise
 * that ends with the proof. Shorter than what it answers, so that two such ends fall silent.
 */
export function resetDatagram(
  answeredBytes: number,
  token: Uint8Array,
  random: Random,
): Uint8Array | undefined {
  const length = Math.min(answeredBytes - 1, BYTES_MAX);
  if (length < BYTES_MIN) return undefined;
  const datagram = random.bytes(length);
  datagram[0] = SHORT;
  datagram.set(token, length - token.length);
  return datagram;
}

/** How many a second. */
export class ResetBudget {
  readonly #perSecond: number;
  #left: number;
  #at = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  allows(now: number): boolean {
    this.#left = Math.min(
      this.#perSecond,
      this.#left + ((now - this.#at) / 1_000) * this.#perSecond,
    );
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
