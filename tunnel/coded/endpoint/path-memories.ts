/** Paths remembered, the one that was used the longest ago goes first: some 150 bytes each. */
const REMEMBERED = 4_096;

/**
 * What sessions learnt of the loss of their paths, for the next ones of the same two ends: at one
 * message a second it takes minutes to learn. Round trip and rate are not kept, the handshake and
 * the first packets measure them anew. For the life of the process.
 */
export class PathMemories {
  readonly #memories = new Map<string, unknown>();

  get(path: string): unknown {
    return this.#memories.get(path);
  }

  keep(path: string, memory: unknown): void {
    this.#memories.delete(path);
    this.#memories.set(path, memory);
    const oldest = this.#memories.keys().next();
    if (this.#memories.size > REMEMBERED && oldest.done !== true)
      this.#memories.delete(oldest.value);
  }
}
