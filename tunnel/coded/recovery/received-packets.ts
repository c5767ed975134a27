import { CODED_LIMITS } from '../limits.js';
import type { AckFrame } from '../wire/frame.js';
import { PACKET_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';

/** Each acknowledgement repeats so many packets at least: the loss of some costs nothing. */
const REPEATED_PACKETS = 64;
/** A long history is repeated as long as it takes no more runs than this. */
const REPEATED_RUNS = 5;
/** Numbers of packets remembered below the largest. */
const REMEMBERED = 1_024;

/** Which packets arrived, for acknowledgements. */
export class ReceivedPackets {
  /** Ranges, newest first, with gaps between them. */
  #ranges: { first: number; last: number }[] = [];
  #count = 0;
  #largestAt = 0;

  get largest(): number | undefined {
    return this.#ranges[0]?.last;
  }

  /** Notes a packet; false when it was noted before or is too old to know. */
  note(number: number, now: number): boolean {
    const largest = this.largest ?? -1;
    if (number <= largest - REMEMBERED) return false;
    const found = this.#ranges.findIndex(({ first }) => first <= number);
    const at = found === -1 ? this.#ranges.length : found;
    const below = this.#ranges[at];
    const above = this.#ranges[at - 1];
    if (below !== undefined && below.last >= number) return false;
    const joinsBelow = below?.last === number - 1;
    const joinsAbove = above?.first === number + 1;
    if (below !== undefined && joinsBelow && above !== undefined && joinsAbove) {
      above.first = below.first;
      this.#ranges.splice(at, 1);
    } else if (below !== undefined && joinsBelow) below.last = number;
    else if (above !== undefined && joinsAbove) above.first = number;
    else this.#ranges.splice(at, 0, { first: number, last: number });
    this.#count++;
    if (number > largest) {
      this.#largestAt = now;
      this.#forget(number - REMEMBERED);
    }
    return true;
  }

  frame(now: number): AckFrame | undefined {
    const [newest] = this.#ranges;
    if (newest === undefined) return undefined;
    const runs: number[] = [];
    let above = newest;
    for (const range of this.#ranges) {
      const long = newest.last - range.last >= REPEATED_PACKETS;
      if (runs.length >= (long ? REPEATED_RUNS : 2 * CODED_LIMITS.ackRanges - 1)) break;
      if (range !== newest) runs.push(above.first - range.last - 1);
      runs.push(range.last - range.first + 1);
      above = range;
    }
    return {
      kind: 'ack',
      largest: truncateNumber(newest.last, PACKET_NUMBER_BITS),
      delayMs: now - this.#largestAt,
      received: this.#count & 0xffff,
      runs,
    };
  }

  #forget(below: number): void {
    for (;;) {
      const oldest = this.#ranges.at(-1);
      if (oldest === undefined || oldest.last >= below) return;
      this.#ranges.pop();
    }
  }
}
