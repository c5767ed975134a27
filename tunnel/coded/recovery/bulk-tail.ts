import { RECOVERY } from './constants.js';
import { tailGroups, tailRows } from './tail.js';

/** The rows that finish a bulk transfer, a row of each group in turn. */
export class BulkTail {
  #groups: { readonly numbers: readonly number[]; rows: number }[] = [];

  get waiting(): boolean {
    return this.#groups.length > 0;
  }

  plan(outstanding: readonly number[], loss: number): void {
    this.#groups = tailGroups(outstanding)
      .map((numbers) => ({ numbers, rows: tailRows(numbers.length, loss, RECOVERY.tailRisk) }))
      .filter(({ rows }) => rows > 0);
  }

  cancel(): void {
    this.#groups = [];
  }

  /** Symbols that the next row shall cover; those known since are to be left out. */
  next(): readonly number[] | undefined {
    const group = this.#groups.shift();
    if (group === undefined) return undefined;
    if (--group.rows > 0) this.#groups.push(group);
    return group.numbers;
  }
}
