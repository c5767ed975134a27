import type { Cargo } from '../wire/cargo.js';
import { STREAM_LIMITS } from './limits.js';
import { SymbolBuilder } from './symbol-builder.js';

/** What a word is about: a later word of the same kind takes the place of one not yet said. */
function topic(word: Cargo): string {
  if ('stream' in word) return `${word.kind} ${word.stream}`;
  return 'priority' in word ? `${word.kind} ${word.priority}` : word.kind;
}

/** Words of flow control that wait to be said: the newest about each thing. */
export class Words {
  readonly #words = new Map<string, Cargo>();

  get count(): number {
    return this.#words.size;
  }

  /** An honest peer listens before it makes us say more. */
  get tooMany(): boolean {
    return this.#words.size > STREAM_LIMITS.words;
  }

  add(word: Cargo): void {
    this.#words.set(topic(word), word);
  }

  /** As many as fit into one symbol. */
  take(bytes: number): Uint8Array | undefined {
    if (this.#words.size === 0) return undefined;
    const builder = new SymbolBuilder(bytes);
    for (const [key, word] of this.#words) {
      if (!builder.fits(word)) break;
      builder.add(word);
      this.#words.delete(key);
    }
    return builder.symbol();
  }

  clear(): void {
    this.#words.clear();
  }
}
