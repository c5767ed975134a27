import type { BlockFacts } from './series-block.js';
import { blockCost } from './series-block.js';

const FIELDS = 5;
const CAPACITY_MIN = 64;

/**
 * What is known of a series' blocks, oldest first: 40 bytes each, since there may be thousands.
 * Blocks come at the end and go at the beginning; one in between goes only when it is damaged.
 */
export class BlockIndex {
  #table = new Float64Array(CAPACITY_MIN * FIELDS);
  #start = 0;
  #length = 0;
  #cost = 0;
  #rows = 0;

  get length(): number {
    return this.#length;
  }

  /** Bytes that the blocks take on the disk. */
  get cost(): number {
    return this.#cost;
  }

  get rows(): number {
    return this.#rows;
  }

  get oldest(): BlockFacts | undefined {
    return this.at(0);
  }

  at(position: number): BlockFacts | undefined {
    if (position < 0 || position >= this.#length) return undefined;
    const start = (this.#start + position) * FIELDS;
    const [from = 0, to = 0, earliest = 0, latest = 0, bytes = 0] = this.#table.subarray(
      start,
      start + FIELDS,
    );
    return { from, to, earliest, latest, bytes };
  }

  push(facts: BlockFacts): void {
    const end = this.#start + this.#length;
    if ((end + 1) * FIELDS > this.#table.length) this.#makeRoom();
    const { from, to, earliest, latest, bytes } = facts;
    this.#table.set([from, to, earliest, latest, bytes], (this.#start + this.#length) * FIELDS);
    this.#length++;
    this.#count(facts, 1);
  }

  /** False when it is not here any more. */
  remove(facts: BlockFacts): boolean {
    const position = this.firstAbove(facts.from - 1);
    const found = this.at(position);
    if (found?.from !== facts.from || found.to !== facts.to) return false;
    const start = this.#start * FIELDS;
    this.#table.copyWithin(start + FIELDS, start, start + position * FIELDS);
    this.#start++;
    this.#length--;
    this.#count(facts, -1);
    return true;
  }

  /** Position of the first block with rows above `n`; `length` when there is none. */
  firstAbove(n: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#table[(this.#start + middle) * FIELDS + 1] ?? 0) > n) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #count(facts: BlockFacts, sign: 1 | -1): void {
    this.#cost += sign * blockCost(facts);
    this.#rows += sign * (facts.to - facts.from + 1);
  }

  #makeRoom(): void {
    const used = this.#table.subarray(this.#start * FIELDS, (this.#start + this.#length) * FIELDS);
    const capacity = Math.max(CAPACITY_MIN, this.#length * 2) * FIELDS;
    const table = capacity > this.#table.length ? new Float64Array(capacity) : this.#table;
    table.set(used);
    this.#table = table;
    this.#start = 0;
  }
}
