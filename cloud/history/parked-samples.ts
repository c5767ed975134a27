import type { Samples } from '#protocol/sync-message-samples.js';
import { HUB_HISTORY_LIMITS } from './limits.js';

/**
 * Ranges of one session that overtook the one before them: messages come in any order, samples are
 * applied in theirs (hole H2). What finds no room is not kept; the gateway sends it again.
 */
export class ParkedSamples {
  #messages: Samples[] = [];
  #rows = 0;

  get count(): number {
    return this.#messages.length;
  }

  hasRoom(message: Samples): boolean {
    const { parkedMessages, parkedRows } = HUB_HISTORY_LIMITS;
    return this.#messages.length < parkedMessages && this.#rows + message.rows.length <= parkedRows;
  }

  add(message: Samples): void {
    if (this.#messages.some(({ from, to }) => from <= message.from && to >= message.to)) return;
    this.#messages.push(message);
    this.#rows += message.rows.length;
  }

  /** The one that goes on from `stored`. */
  following(stored: number): Samples | undefined {
    return this.#messages.find(({ from, to }) => from <= stored && to > stored);
  }

  /** Everything up to `stored` is accounted for. */
  forget(stored: number): void {
    this.#messages = this.#messages.filter(({ to }) => to > stored);
    this.#rows = this.#messages.reduce((sum, { rows }) => sum + rows.length, 0);
  }

  clear(): void {
    this.#messages = [];
    this.#rows = 0;
  }
}
