/** Which bytes are there: disjoint ranges in rising order, from an origin on that moves up. */
export class RangeSet {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Ranges with gaps between them. */
  get count(): number {
    return this.#starts.length;
  }

  /** Adds start .. end - 1, start < end; false: some of it was there, nothing is changed. */
  add(start: number, end: number): boolean {
    const at = this.#after(start);
    const before = this.#ends[at - 1] ?? -1;
    const next = this.#starts[at] ?? Infinity;
    if (before > start || next < end) return false;
    const joinsBefore = before === start;
    const joinsNext = next === end;
    if (joinsBefore && joinsNext) {
      this.#ends[at - 1] = this.#ends[at] ?? end;
      this.#starts.splice(at, 1);
      this.#ends.splice(at, 1);
    } else if (joinsBefore) this.#ends[at - 1] = end;
    else if (joinsNext) this.#starts[at] = start;
    else {
      this.#starts.splice(at, 0, start);
      this.#ends.splice(at, 0, end);
    }
    return true;
  }

  /** End of what is there from `start` on without a gap; `start` when nothing is. */
  reach(start: number): number {
    const at = this.#after(start) - 1;
    return Math.max(start, this.#ends[at] ?? start);
  }

  has(value: number): boolean {
    return this.reach(value) > value;
  }

  /** Ranges that start at or below the value. */
  #after(value: number): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? Infinity) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
