/**
 * Messages that wait for their answers, in the order in which they were sent. Answers may come in
 * any order, but not for ever: one that is missing long after a later one came is lost, although
 * its session lives. How long the oldest waits says nothing: the link may be slow.
 */
export class Unanswered<Key, Sent> {
  readonly #waiting = new Map<Key, { readonly sent: Sent; overtakenAtMs: number }>();

  get size(): number {
    return this.#waiting.size;
  }

  has(key: Key): boolean {
    return this.#waiting.has(key);
  }

  get(key: Key): Sent | undefined {
    return this.#waiting.get(key)?.sent;
  }

  *sent(): Iterable<Sent> {
    for (const { sent } of this.#waiting.values()) yield sent;
  }

  add(key: Key, sent: Sent): void {
    this.#waiting.set(key, { sent, overtakenAtMs: Infinity });
  }

  /** What the answer is about; undefined when nothing waits for it. */
  answered(key: Key, now: number): Sent | undefined {
    const entry = this.#waiting.get(key);
    if (entry === undefined) return undefined;
    for (const [other, earlier] of this.#waiting) {
      if (other === key) break;
      earlier.overtakenAtMs = Math.min(earlier.overtakenAtMs, now);
    }
    this.#waiting.delete(key);
    return entry.sent;
  }

  /** It is not waited for any more. */
  drop(key: Key): boolean {
    return this.#waiting.delete(key);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** Since when an answer is missing that a later one has overtaken; Infinity: none is. */
  overtakenAtMs(): number {
    let soonest = Infinity;
    for (const { overtakenAtMs } of this.#waiting.values())
      soonest = Math.min(soonest, overtakenAtMs);
    return soonest;
  }
}
