import type { Feedback } from './feedback.js';

const BLOCK_PACKETS = 60;
const BLOCKS = 20;
/** Bursts of overflow fill some blocks; loss that is always there fills this share of them too. */
const PERSISTENT_QUANTILE = 0.4;
const BLOCKS_TO_JUDGE = 8;
const RANDOM_PACKETS = 40;
const RANDOM_WEIGHT = 0.15;
/** Empty: below so many ms, or this share of the largest queue. Full: above that share. */
const EMPTY_MS = 1.5;
const EMPTY_SHARE = 0.4;
const FULL_SHARE = 0.6;

/**
 * What loss means: `persistent` is there in most blocks of packets, `random` also with an empty
 * queue (so no rate would avoid it), and what exceeds them with a full queue is congestion.
 */
export class LossGauge {
  #blocks: number[] = [];
  #blockPackets = 0;
  #blockLost = 0;
  #persistent = 0;
  #random: number | undefined;
  #emptyPackets = 0;
  #emptyLost = 0;
  #fullLost = 0;
  #startPackets = 0;
  #startLost = 0;
  /** Packets before it were sent by start-up, whose overflow says nothing of the link. */
  #judgedFrom = Infinity;
  /** Packets before it belong to a congestion event that was answered. */
  #answeredBefore = 0;

  get persistent(): number {
    return this.#persistent;
  }

  /** Undefined: the queue was not seen empty yet. */
  get random(): number | undefined {
    return this.#random;
  }

  /** Mean over all blocks; over start-up as long as there are few. */
  get mean(): number {
    if (this.#blocks.length < BLOCKS_TO_JUDGE)
      return Math.max(this.#persistent, this.#startLost / Math.max(1, this.#startPackets));
    return this.#blocks.reduce((sum, share) => sum + share, 0) / this.#blocks.length;
  }

  /** Much more is lost than with an empty queue: a buffer too short for the target overflows. */
  get overflows(): boolean {
    return this.#blocks.length >= BLOCKS_TO_JUDGE && this.#persistent > this.#ownMost;
  }

  /** What the link itself loses at most, as far as its empty queue tells. */
  get #ownMost(): number {
    const random = this.#random ?? 0;
    return random + 0.03 + 0.15 * Math.sqrt(random);
  }

  take({ arrived, lost }: Feedback, queueLargestMs: number): void {
    const emptyMs = Math.max(EMPTY_MS, EMPTY_SHARE * queueLargestMs);
    const starting = this.#judgedFrom === Infinity;
    for (const { number, queueMs } of arrived) {
      if (!starting && number < this.#judgedFrom) continue;
      this.#blockPackets++;
      if (starting) this.#startPackets++;
      else if (queueMs !== undefined && queueMs <= emptyMs) this.#emptyPackets++;
    }
    for (const { number, queueMs } of lost) {
      const isFull = queueMs !== undefined && queueMs > FULL_SHARE * queueLargestMs;
      if (isFull && number >= this.#answeredBefore) this.#fullLost++;
      if (!starting && number < this.#judgedFrom) continue;
      this.#blockPackets++;
      this.#blockLost++;
      if (starting) {
        this.#startPackets++;
        this.#startLost++;
      } else if (queueMs !== undefined && queueMs <= emptyMs) {
        this.#emptyPackets++;
        this.#emptyLost++;
      }
    }
    this.#endEmpty();
    this.#endBlock();
  }

  /** Losses of this round at a full queue, beyond what the link loses anyway. */
  endRound(packets: number): number {
    // An overflow that lasts for rounds is persistent as well, and none of the link's.
    const own = this.#random === undefined ? Infinity : this.#ownMost;
    const expected = Math.min(this.#persistent, own) * packets;
    const excess = this.#fullLost - (expected + 2 * Math.sqrt(expected));
    this.#fullLost = 0;
    return excess;
  }

  answered(nextNumber: number): void {
    this.#answeredBefore = nextNumber;
  }

  /** Start-up is over with the packet before this one. */
  judgeFrom(nextNumber: number): void {
    this.#judgedFrom = nextNumber;
    this.#blocks = [];
    this.#persistent = 0;
    this.#blockPackets = 0;
    this.#blockLost = 0;
  }

  #endEmpty(): void {
    if (this.#emptyPackets < RANDOM_PACKETS) return;
    const share = this.#emptyLost / this.#emptyPackets;
    this.#random =
      this.#random === undefined ? share : this.#random + RANDOM_WEIGHT * (share - this.#random);
    this.#emptyPackets = 0;
    this.#emptyLost = 0;
  }

  #endBlock(): void {
    if (this.#blockPackets < BLOCK_PACKETS) return;
    this.#blocks.push(this.#blockLost / this.#blockPackets);
    if (this.#blocks.length > BLOCKS) this.#blocks.shift();
    this.#blockPackets = 0;
    this.#blockLost = 0;
    const sorted = [...this.#blocks].sort((a, b) => a - b);
    this.#persistent = sorted[Math.floor(sorted.length * PERSISTENT_QUANTILE)] ?? 0;
  }
}
