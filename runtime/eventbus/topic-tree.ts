interface Node<T> {
  readonly children: Map<string, Node<T>>;
  readonly values: Set<T>;
}

/** Topics whose matches are remembered: sensors publish the same few again and again. */
const CACHED_TOPICS_MAX = 1024;

/**
 * Which values are registered under filters that match a topic name. A trie by level; matches are
 * cached until the next change, which makes the hot path one lookup.
 */
export class TopicTree<T> {
  readonly #root: Node<T> = { children: new Map(), values: new Set() };
  readonly #cache = new Map<string, readonly T[]>();

  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let next = node.children.get(level);
      if (next === undefined) {
        next = { children: new Map(), values: new Set() };
        node.children.set(level, next);
      }
      node = next;
    }
    node.values.add(value);
    this.#cache.clear();
  }

  remove(filter: string, value: T): void {
    this.#remove(this.#root, filter.split('/'), 0, value);
    this.#cache.clear();
  }

  /** Forgets remembered matches: for values whose ranking changed. */
  refresh(): void {
    this.#cache.clear();
  }

  /**
   * The values whose filters match, each once; `arrange` may reorder or thin them out before they
   * are remembered.
   */
  match(topic: string, arrange?: (values: T[]) => T[]): readonly T[] {
    const known = this.#cache.get(topic);
    if (known !== undefined) return known;
    const found = new Set<T>();
    const levels = topic.split('/');
    this.#collect(this.#root, levels, 0, topic.startsWith('$'), found);
    const values = arrange === undefined ? [...found] : arrange([...found]);
    if (this.#cache.size >= CACHED_TOPICS_MAX) this.#cache.clear();
    this.#cache.set(topic, values);
    return values;
  }

  #collect(
    node: Node<T>,
    levels: readonly string[],
    at: number,
    reserved: boolean,
    found: Set<T>,
  ): void {
    const wildcards = !(reserved && at === 0); // [MQTT-4.7.2-1]
    // `a/#` matches `a` itself as well: [MQTT-4.7.1-2], so '#' is looked for past the last level.
    if (wildcards) addAll(found, node.children.get('#')?.values);
    const level = levels[at];
    if (level === undefined) {
      addAll(found, node.values);
      return;
    }
    const exact = node.children.get(level);
    if (exact !== undefined) this.#collect(exact, levels, at + 1, reserved, found);
    const any = wildcards ? node.children.get('+') : undefined;
    if (any !== undefined) this.#collect(any, levels, at + 1, reserved, found);
  }

  #remove(node: Node<T>, levels: readonly string[], at: number, value: T): void {
    const level = levels[at];
    if (level === undefined) {
      node.values.delete(value);
      return;
    }
    const child = node.children.get(level);
    if (child === undefined) return;
    this.#remove(child, levels, at + 1, value);
    if (child.values.size === 0 && child.children.size === 0) node.children.delete(level);
  }
}

function addAll<T>(into: Set<T>, values: ReadonlySet<T> | undefined): void {
  if (values !== undefined) for (const value of values) into.add(value);
}
