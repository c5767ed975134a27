/**
 * Which connections a server keeps when too many arrive: one that has no request under way gives
 * way to a newcomer, oldest first, so a thousand half-open connections cannot keep others out.
 * Pure bookkeeping; the shell closes what `admit` returns. `Key` identifies a connection.
 */
export class ConnectionAdmission<Key> {
  readonly #max: number;
  /** In the order in which they fell idle. */
  readonly #idle = new Set<Key>();
  readonly #busy = new Set<Key>();
  #evicted = 0;

  /** @param max connections kept at once */
  constructor(max: number) {
    this.#max = max;
  }

  /** Admits a new connection; returns the one to close for it: perhaps the new one itself. */
  admit(key: Key): Key | undefined {
    this.#idle.add(key);
    if (this.size <= this.#max) return undefined;
    const [oldest] = this.#idle;
    if (oldest === undefined) return undefined;
    this.#idle.delete(oldest);
    this.#evicted++;
    return oldest;
  }

  /** A whole request header came in. */
  busy(key: Key): void {
    if (this.#idle.delete(key)) this.#busy.add(key);
  }

  /** The response is done; the connection may carry another request. */
  idle(key: Key): void {
    if (this.#busy.delete(key)) this.#idle.add(key);
  }

  closed(key: Key): void {
    this.#idle.delete(key);
    this.#busy.delete(key);
  }

  get size(): number {
    return this.#idle.size + this.#busy.size;
  }

  get evicted(): number {
    return this.#evicted;
  }
}
