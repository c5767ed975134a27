import type { Clock, Timer } from './clock.js';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly name: string;
  readonly fire: () => void;
  cancelled: boolean;
}

/** The fake of the Clock port: time moves only when a test or the simulator moves it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  /** A binary heap: simulated days pass millions of timers. Cancelled ones stay until their time. */
  readonly #heap: Entry[] = [];
  #cancelled = 0;

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
    const atMs = this.#nowMs + Math.max(delayMs, 0);
    const entry: Entry = { atMs, order: this.#order++, name, fire, cancelled: false };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return { cancel: () => this.#cancel(entry) };
  }

  /** Makes the wall clock jump without moving monotonic time. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Names of the timers under way, soonest first. */
  pending(): string[] {
    return this.#waiting()
      .sort(bySchedule)
      .map((timer) => timer.name);
  }

  /** Monotonic time of the next timer, or undefined when nothing waits. */
  nextAtMs(): number | undefined {
    return this.#next()?.atMs;
  }

  /** Moves time to the next timer and fires that one only. False when nothing waits. */
  fireNext(): boolean {
    const next = this.#next();
    if (next === undefined) return false;
    this.#take();
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    // Cancelling it from now on changes nothing.
    next.cancelled = true;
    next.fire();
    return true;
  }

  /** Moves time forward, firing due timers in order; each sees its own due time as `now()`. */
  advance(byMs: number): void {
    const targetMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.atMs > targetMs) break;
      this.fireNext();
    }
    // A timer may have advanced the clock further itself.
    this.#nowMs = Math.max(this.#nowMs, targetMs);
  }

  #cancel(entry: Entry): void {
    if (entry.cancelled) return;
    entry.cancelled = true;
    this.#cancelled++;
    // Not more dead entries than live ones: a timer that is always set anew costs no memory.
    if (this.#cancelled * 2 <= this.#heap.length) return;
    const waiting = this.#waiting();
    this.#heap.length = 0;
    this.#cancelled = 0;
    for (const [index, kept] of waiting.entries()) {
      this.#heap.push(kept);
      this.#rise(index);
    }
  }

  #waiting(): Entry[] {
    return this.#heap.filter((entry) => !entry.cancelled);
  }

  #next(): Entry | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first?.cancelled !== true) return first;
      this.#cancelled--;
      this.#take();
    }
  }

  /** Takes the first entry off the heap. */
  #take(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfSooner(index, parent)) return;
      index = parent;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const soonest = this.#isSooner(right, left) ? right : left;
      if (!this.#swapIfSooner(soonest, index)) return;
      index = soonest;
    }
  }

  #isSooner(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    return first !== undefined && second !== undefined && bySchedule(first, second) < 0;
  }

  #swapIfSooner(lower: number, upper: number): boolean {
    const [below, above] = [this.#heap[lower], this.#heap[upper]];
    if (below === undefined || above === undefined || bySchedule(below, above) >= 0) return false;
    this.#heap[upper] = below;
    this.#heap[lower] = above;
    return true;
  }
}

function bySchedule(a: Entry, b: Entry): number {
  return a.atMs - b.atMs || a.order - b.order;
}
