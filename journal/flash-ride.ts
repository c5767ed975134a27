import type { Clock } from '#protocol/clock.js';
import type { Flash } from './flash.js';
import { FLASH_LIMITS } from './limits.js';
import { OWN_TABLE, type RowTables, type StoredPut } from './row-tables.js';

const KEY = 'flash';

/**
 * Keeps the flash account in the store whose writes it counts, without a sync of its own: a row
 * goes along with the first group after the opening and then with one every ten minutes.
 */
export class FlashRide {
  readonly #flash: Flash;
  readonly #tables: RowTables;
  readonly #clock: Clock;
  #lastMs = -Infinity;

  constructor(flash: Flash, tables: RowTables, clock: Clock) {
    this.#flash = flash;
    this.#tables = tables;
    this.#clock = clock;
    flash.restore(tables.table(OWN_TABLE).get(KEY));
  }

  /** The record that the present group takes along, if it is time for one or it is the `last`. */
  next(last = false): string | undefined {
    const nowMs = this.#clock.now();
    if (!last && nowMs - this.#lastMs < FLASH_LIMITS.rideMs) return undefined;
    this.#lastMs = nowMs;
    const put: StoredPut = [OWN_TABLE, KEY, this.#flash.toRow()];
    this.#tables.put(put);
    return JSON.stringify([put]);
  }
}
