/** What was written to flash memory in some span of time. */
export interface FlashAmount {
  /** Bytes handed to the storage. */
  readonly bytes: number;
  /** Blocks of 4 KiB that those touched, each counted once per sync: what wears. */
  readonly blocks: number;
  readonly syncs: number;
}

/** A ledger as it is kept: `[bytes, blocks, syncs]` per hour, the present one first. */
export interface FlashRow {
  /** Milliseconds that the present hour had lasted. */
  readonly elapsedMs: number;
  readonly hours: readonly (readonly [bytes: number, blocks: number, syncs: number])[];
}

export const HOUR_MS = 3_600_000;
const HOURS = 24;

/**
 * What was written in the last 24 hours, in steps of an hour, by monotonic time: a jump of the
 * wall clock changes nothing. Time in which the program does not run is not known and counts as
 * none, so the sum may be too high after a pause, and never too low.
 */
export class FlashLedger {
  /** The present hour first. */
  #hours: FlashAmount[] = [NOTHING];
  #hourStartMs: number;

  constructor(nowMs: number) {
    this.#hourStartMs = nowMs;
  }

  add(amount: FlashAmount, nowMs: number): void {
    this.#move(nowMs);
    this.#hours[0] = sum(this.#hours[0] ?? NOTHING, amount);
  }

  /** The last 24 hours: the present one and the 23 before it. */
  day(nowMs: number): FlashAmount {
    this.#move(nowMs);
    return this.#hours.reduce(sum, NOTHING);
  }

  toRow(nowMs: number): FlashRow {
    this.#move(nowMs);
    const hours = this.#hours.map(({ bytes, blocks, syncs }) => [bytes, blocks, syncs] as const);
    return { elapsedMs: Math.round(nowMs - this.#hourStartMs), hours };
  }

  /** Puts an earlier life's row before what this life wrote; anything else is ignored. */
  restore(row: unknown, nowMs: number): void {
    if (!isRow(row)) return;
    const own = this.day(nowMs);
    this.#hours = row.hours
      .slice(0, HOURS)
      .map(([bytes, blocks, syncs]) => ({ bytes, blocks, syncs }));
    this.#hourStartMs = nowMs - row.elapsedMs;
    this.add(own, nowMs);
  }

  #move(nowMs: number): void {
    const passed = Math.floor((nowMs - this.#hourStartMs) / HOUR_MS);
    if (passed <= 0) return;
    this.#hourStartMs += passed * HOUR_MS;
    const empty = Array.from({ length: Math.min(passed, HOURS) }, () => NOTHING);
    this.#hours = [...empty, ...this.#hours].slice(0, HOURS);
  }
}

const NOTHING: FlashAmount = { bytes: 0, blocks: 0, syncs: 0 };

function sum(a: FlashAmount, b: FlashAmount): FlashAmount {
  return { bytes: a.bytes + b.bytes, blocks: a.blocks + b.blocks, syncs: a.syncs + b.syncs };
}

function isRow(row: unknown): row is FlashRow {
  if (typeof row !== 'object' || row === null) return false;
  const { elapsedMs, hours } = row as Partial<FlashRow>;
  return (
    isCount(elapsedMs) &&
    elapsedMs <= HOUR_MS &&
    Array.isArray(hours) &&
    hours.length > 0 &&
    hours.every((hour) => Array.isArray(hour) && hour.length === 3 && hour.every(isCount))
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
