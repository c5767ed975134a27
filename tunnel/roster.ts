import type { CloseCode, Peer } from './transport.js';

/** A connection as its listener's books know it. */
export interface Member {
  readonly peer: Peer;
  close(code: CloseCode, detail?: string): void;
  onGone(listener: () => void): void;
}

/** Who is connected: all, and by node in order of arrival. */
export class Roster {
  readonly #perNodeMax: number;
  readonly #all = new Set<Member>();
  readonly #byNode = new Map<string, Set<Member>>();
  #onEmpty: (() => void) | undefined;

  constructor(perNodeMax: number) {
    this.#perNodeMax = perNodeMax;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The oldest connection of a node with too many yields: it is the likeliest to be half-open. */
  add(connection: Member): void {
    const { name } = connection.peer;
    const siblings = this.#byNode.get(name) ?? new Set();
    this.#byNode.set(name, siblings.add(connection));
    this.#all.add(connection);
    connection.onGone(() => {
      this.#all.delete(connection);
      siblings.delete(connection);
      if (siblings.size === 0 && this.#byNode.get(name) === siblings) this.#byNode.delete(name);
      if (this.#all.size === 0) this.#onEmpty?.();
    });
    if (siblings.size <= this.#perNodeMax) return;
    const [oldest] = siblings;
    oldest?.close('superseded', 'too many connections of this node');
  }

  /** Resolves when nobody is connected. */
  emptied(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#all.size === 0) resolve();
    });
  }

  close(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number {
    const closing = [...this.#all].filter(({ peer }) => predicate(peer));
    for (const connection of closing) connection.close(code, detail);
    return closing.length;
  }
}
