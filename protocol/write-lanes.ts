interface Waiting {
  readonly keys: readonly string[];
  readonly go: () => void;
}

/**
 * Who may write what: one at a time for each key, in order of asking (invariant I12). Commands
 * wait for all of their keys at once; desired writes never wait, they are told when a key is free.
 */
export class WriteLanes {
  #taken = new Set<string>();
  #waiting: Waiting[] = [];
  #freed: (keys: readonly string[]) => void = () => undefined;

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes the key if nobody has it or waits for it. */
  tryTake(key: string): boolean {
    if (this.#taken.has(key) || this.#waiting.some(({ keys }) => keys.includes(key))) return false;
    this.#taken.add(key);
    return true;
  }

  /** Resolves when all keys are taken together. */
  take(keys: readonly string[]): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ keys, go });
      this.#grant();
    });
  }

  free(keys: readonly string[]): void {
    for (const key of keys) this.#taken.delete(key);
    this.#grant();
  }

  /** As `free`, for one who waited: those who do not wait are told to try again. */
  release(keys: readonly string[]): void {
    this.free(keys);
    this.#freed(keys.filter((key) => !this.#taken.has(key)));
  }

  /** The one who does not wait. */
  onFree(listener: (keys: readonly string[]) => void): void {
    this.#freed = listener;
  }

  /** Nobody overtakes one that waits for the same key. */
  #grant(): void {
    const claimed = new Set<string>();
    this.#waiting = this.#waiting.filter(({ keys, go }) => {
      const open = keys.every((key) => !this.#taken.has(key) && !claimed.has(key));
      for (const key of keys) (open ? this.#taken : claimed).add(key);
      if (open) go();
      return !open;
    });
  }
}
