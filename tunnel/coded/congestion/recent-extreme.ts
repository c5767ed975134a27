/**
 * Least or largest value of late, in constant memory: values of one step of time are one entry.
 * "Time" may be milliseconds or rounds. Nothing expires but by a newer value.
 */
export class RecentExtreme {
  readonly #sign: 1 | -1;
  readonly #span: number;
  readonly #step: number;
  /** Oldest first; each is beaten by all before it. */
  readonly #entries: { slot: number; value: number }[] = [];

  constructor(which: 'least' | 'largest', span: number, step: number) {
    this.#sign = which === 'least' ? 1 : -1;
    this.#span = span;
    this.#step = step;
  }

  /** Infinity, of the sign that any value beats, when there is none. */
  get value(): number {
    return this.#entries[0]?.value ?? this.#sign * Infinity;
  }

  /** `span`: how far back values count from now on, at most that of the constructor. */
  add(value: number, at: number, span = this.#span): void {
    if (Number.isNaN(value)) return;
    const entries = this.#entries;
    const slot = Math.floor(at / this.#step);
    for (let last = entries.at(-1); last !== undefined; last = entries.at(-1)) {
      if (this.#sign * (last.value - value) < 0) break;
      entries.pop();
    }
    const last = entries.at(-1);
    if (last === undefined || last.slot < slot) entries.push({ slot, value });
    const oldest = slot - Math.min(span, this.#span) / this.#step;
    while (entries.length > 1 && (entries[0]?.slot ?? slot) <= oldest) entries.shift();
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
