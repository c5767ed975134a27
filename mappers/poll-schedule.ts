import type { Clock, Timer } from '#protocol/clock.js';
import type { Property } from '#protocol/device.js';

interface Group {
  readonly cycleMs: number;
  readonly properties: readonly Property[];
  /** Monotonic time of the next poll; a multiple of the cycle after the start, so it never drifts. */
  slotMs: number;
}

/** Called with the properties that are due together, their slot, and how many slots were missed. */
export type OnDue = (due: readonly Property[], slotMs: number, missed: number) => void;

/** When to poll which properties of one device: by collectCycle, one timer for all. */
export class PollSchedule {
  readonly #clock: Clock;
  readonly #onDue: OnDue;
  readonly #groups: Group[];
  #timer: Timer | undefined;

  constructor(properties: readonly Property[], clock: Clock, onDue: OnDue) {
    this.#clock = clock;
    this.#onDue = onDue;
    const cycles = [...new Set(properties.map((property) => property.collectCycleMs))];
    this.#groups = cycles.map((cycleMs) => ({
      cycleMs: Math.max(1, cycleMs),
      properties: properties.filter((property) => property.collectCycleMs === cycleMs),
      slotMs: 0,
    }));
  }

  /** The first poll of everything is at once. */
  start(): void {
    const nowMs = this.#clock.now();
    for (const group of this.#groups) group.slotMs = nowMs;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#groups.length = 0;
  }

  #arm(): void {
    if (this.#groups.length === 0) return;
    const nextMs = Math.min(...this.#groups.map((group) => group.slotMs));
    const delayMs = Math.max(0, Math.ceil(nextMs - this.#clock.now()));
    this.#timer = this.#clock.setTimer('poll', delayMs, () => this.#fire(nextMs));
  }

  #fire(slotMs: number): void {
    const nowMs = this.#clock.now();
    const due = this.#groups.filter((group) => group.slotMs <= slotMs);
    let missed = 0;
    for (const group of due) {
      const passed = Math.max(0, Math.floor((nowMs - group.slotMs) / group.cycleMs));
      missed += passed;
      group.slotMs += (passed + 1) * group.cycleMs;
    }
    this.#arm();
    const properties = due.flatMap((group) => group.properties);
    if (properties.length > 0) this.#onDue(properties, slotMs, missed);
  }
}
