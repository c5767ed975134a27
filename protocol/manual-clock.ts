import type { Clock, Timer } from './clock.js';

/** The fake of the Clock port: time moves only when a test or the simulator moves it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #timers: { atMs: number; order: number; name: string; fire: () => void }[] = [];

  constructor(wallTimeMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = wallTimeMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallTime(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  setTimer(name: string, delayMs: number, fire: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, name, fire };
    this.#timers.push(entry);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== entry)) };
  }

  /** Makes the wall clock jump without moving monotonic time. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Names of the timers under way, soonest first. */
  pending(): string[] {
    return [...this.#timers].sort(bySchedule).map((timer) => timer.name);
  }

  /** Monotonic time of the next timer, or undefined when nothing waits. */
  nextAtMs(): number | undefined {
    return [...this.#timers].sort(bySchedule)[0]?.atMs;
  }

  /** Moves time forward, firing due timers in order; each sees its own due time as `now()`. */
  advance(byMs: number): void {
    const targetMs = this.#nowMs + byMs;
    for (;;) {
      const next = [...this.#timers].sort(bySchedule)[0];
      if (next === undefined || next.atMs > targetMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
    }
    // A timer may have advanced the clock further itself.
    this.#nowMs = Math.max(this.#nowMs, targetMs);
  }
}

function bySchedule(
  a: { atMs: number; order: number },
  b: { atMs: number; order: number },
): number {
  return a.atMs - b.atMs || a.order - b.order;
}
