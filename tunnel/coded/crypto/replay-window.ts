import { CODED_LIMITS } from '../limits.js';

const SIZE = CODED_LIMITS.replayPackets;
/** Packets that overtook others, at most, and how many of the others tell a share. */
const NEWEST = 16;
const TELLING_MIN = 32;
/** Bits that are set in a byte. */
const ONES = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll('0', '').length,
);

/**
 * Which of the newest packet numbers were opened: each is accepted once, older ones than the
 * window never (RFC 4303 section 3.4.3). 256 bytes, whatever arrives.
 */
export class ReplayWindow {
  readonly #seen = new Uint8Array(SIZE / 8);
  #largest = -1;

  /** Largest number accepted; -1 before the first. */
  get largest(): number {
    return this.#largest;
  }

  /** Asked before opening: true for a number that was accepted or is too old to tell. */
  isStale(number: number): boolean {
    if (number > this.#largest) return false;
    return number <= this.#largest - SIZE || this.#bit(number);
  }

  /** Only for a packet that was opened. */
  accept(number: number): void {
    if (number > this.#largest) {
      if (number - this.#largest >= SIZE) this.#seen.fill(0);
      else for (let passed = this.#largest + 1; passed < number; passed++) this.#clear(passed);
      this.#largest = number;
    }
    const at = number % SIZE;
    this.#seen[at >> 3] = (this.#seen[at >> 3] ?? 0) | (1 << (at & 7));
  }

  /**
   * Share of the numbers of the window that never came, the newest left out, which may still be on
   * their way; undefined while there are too few to tell.
   */
  missing(): number | undefined {
    const newest = Math.min(NEWEST, this.#largest + 1);
    const told = Math.min(this.#largest + 1, SIZE) - newest;
    if (told < TELLING_MIN) return undefined;
    let came = 0;
    for (const byte of this.#seen) came += ONES[byte] ?? 0;
    for (let back = 0; back < newest; back++) if (this.#bit(this.#largest - back)) came--;
    return 1 - came / told;
  }

  #bit(number: number): boolean {
    const at = number % SIZE;
    return (((this.#seen[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
  }

  #clear(number: number): void {
    const at = number % SIZE;
    this.#seen[at >> 3] = (this.#seen[at >> 3] ?? 0) & ~(1 << (at & 7));
  }
}
