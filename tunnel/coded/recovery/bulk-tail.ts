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
  get head(): readonly number[] | undefined {
    return this.#groups[0]?.numbers;
  }

  /** The row over `head` was sent, or is not needed any more. */
  shift(): void {
    const group = this.#groups.shift();
    if (group !== undefined && --group.rows > 0) this.#groups.push(group);
  }
}
