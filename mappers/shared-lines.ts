interface Held<T, S> {
  readonly line: T;
  readonly settings: S;
  users: number;
}

export interface SharedLinesOptions<T, S> {
  open(settings: S, identity: string): T;
  close(line: T): Promise<void>;
  counters(line: T): Readonly<Record<string, number>>;
  /** Whether two devices can share a line that is opened like this. */
  isSame(a: S, b: S): boolean;
}

/** A line, or why there is none. */
export type Shared<T> = { readonly line: T; release(): Promise<void> } | { readonly why: string };

/** One line, bus or connection for all devices on it: opened for the first, closed after the last. */
export class SharedLines<T, S> {
  readonly #options: SharedLinesOptions<T, S>;
  readonly #held = new Map<string, Held<T, S>>();
  /** Ports that are being closed: their lock would refuse the next one. */
  readonly #closing = new Map<string, Promise<void>>();
  /** What was counted on lines that are closed. */
  readonly #past: Record<string, number> = {};
  #isClosed = false;

  constructor(options: SharedLinesOptions<T, S>) {
    this.#options = options;
  }

  async share(identity: string, settings: S): Promise<Shared<T>> {
    while (this.#closing.has(identity)) await this.#closing.get(identity);
    if (this.#isClosed) return { why: 'the mapper was stopped' };
    let held = this.#held.get(identity);
    if (held !== undefined && !this.#options.isSame(held.settings, settings))
      return {
        why: `another device uses ${identity} in another way: transport, speed or format differ. All that share it need the same`,
      };
    if (held === undefined) {
      held = { line: this.#options.open(settings, identity), settings, users: 0 };
      this.#held.set(identity, held);
    }
    held.users += 1;
    const { line } = held;
    let isReleased = false;
    const release = async (): Promise<void> => {
      if (isReleased) return;
      isReleased = true;
      await this.#release(identity, held);
    };
    return { line, release };
  }

  counters(): Readonly<Record<string, number>> {
    const sum = { ...this.#past };
    for (const { line } of this.#held.values()) add(sum, this.#options.counters(line));
    return sum;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#held.values()].map(({ line }) => this.#options.close(line));
    await Promise.all([...open, ...this.#closing.values()]);
  }

  async #release(identity: string, held: Held<T, S>): Promise<void> {
    held.users -= 1;
    if (held.users > 0 || this.#isClosed) return;
    this.#held.delete(identity);
    add(this.#past, this.#options.counters(held.line));
    const closing = this.#options.close(held.line).finally(() => this.#closing.delete(identity));
    this.#closing.set(identity, closing);
    await closing;
  }
}

/** Adds each counter to its sum. */
export function add(sum: Record<string, number>, counters: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + count;
}
