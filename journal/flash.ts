import type { Clock } from '#protocol/clock.js';
import { type FlashAmount, FlashLedger, type FlashRow } from './flash-ledger.js';
import { FLASH_LIMITS } from './limits.js';
import type { Storage } from './storage-port.js';
import { BLOCK_BYTES, WriteMeter } from './write-meter.js';

/**
 * How the last 24 hours stand to the budget. `saving`: commits that nobody waits for wait longer
 * for others. `exceeded`: so they do, and what is worth less than state (sample history) is shed.
 */
export type FlashState = 'ok' | 'saving' | 'exceeded';

/** What a room reads that can write less when it must. */
export interface FlashBudget {
  state(): FlashState;
}

/** As shown in the status. */
export interface FlashStats {
  readonly state: FlashState;
  /** The last 24 hours of running time. */
  readonly day: FlashAmount;
  /** `day.blocks` in bytes: what the budget is compared with. */
  readonly dayFlashBytes: number;
  /** Absent: no budget. */
  readonly budgetBytes?: number;
  /** How long a commit may wait for others now, milliseconds. */
  readonly windowMs: number;
}

export interface FlashOptions {
  readonly clock: Clock;
  /** Bytes of blocks that may be written in 24 hours; undefined: as many as it takes. */
  readonly budgetBytes?: number | undefined;
}

/**
 * The account of what one program writes to flash memory, over all its storages. State is never
 * shed: beyond the budget it is written later and together, not less.
 */
export class Flash implements FlashBudget {
  readonly #clock: Clock;
  readonly #budgetBytes: number | undefined;
  readonly #ledger: FlashLedger;
  #state: FlashState = 'ok';

  constructor({ clock, budgetBytes }: FlashOptions) {
    this.#clock = clock;
    this.#budgetBytes = budgetBytes;
    this.#ledger = new FlashLedger(clock.now());
  }

  /** `storage`, with what is written through it entered here. */
  over(storage: Storage): Storage {
    return new WriteMeter(this).over(storage);
  }

  add(amount: FlashAmount): void {
    this.#ledger.add(amount, this.#clock.now());
  }

  state(): FlashState {
    const share = this.#share();
    const { saving, exceeded, backBy } = FLASH_LIMITS;
    const was = this.#state;
    // What was entered is left a little later, so that the state does not flutter.
    if (share >= exceeded - (was === 'exceeded' ? backBy : 0)) this.#state = 'exceeded';
    else if (share >= saving - (was === 'ok' ? 0 : backBy)) this.#state = 'saving';
    else this.#state = 'ok';
    return this.#state;
  }

  /** How long the first of a group of commits may wait for others: longer the less is left. */
  windowMs(): number {
    const { saving, exceeded, windowMaxMs } = FLASH_LIMITS;
    const used = (this.#share() - saving) / (exceeded - saving);
    return Math.round(windowMaxMs * Math.min(Math.max(used, 0), 1));
  }

  stats(): FlashStats {
    const day = this.#ledger.day(this.#clock.now());
    return {
      state: this.state(),
      day,
      dayFlashBytes: day.blocks * BLOCK_BYTES,
      ...(this.#budgetBytes === undefined ? {} : { budgetBytes: this.#budgetBytes }),
      windowMs: this.windowMs(),
    };
  }

  /** To be kept with the data, and given to `restore` in the next life. */
  toRow(): FlashRow {
    return this.#ledger.toRow(this.#clock.now());
  }

  restore(row: unknown): void {
    this.#ledger.restore(row, this.#clock.now());
  }

  #share(): number {
    if (this.#budgetBytes === undefined) return 0;
    return (this.#ledger.day(this.#clock.now()).blocks * BLOCK_BYTES) / this.#budgetBytes;
  }
}
