import { performance } from 'node:perf_hooks';

/**
 * Time as a port. Core code takes `now` as an argument; shells read it here. No protocol decision
 * reads `wallTime`: it only labels what people see.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start of this process. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC as this machine believes; may jump or be decades wrong. */
  wallTime(): number;
  /**
   * Calls `fire` once after `delayMs` (clamped to 0 .. 2^31-1). Timers are named so that
   * a simulator and a diagnosis can list what a program waits for.
   */
  setTimer(name: string, delayMs: number, fire: () => void): Timer;
  /**
   * Keeps this whole thread from running for `ms`, a part of a millisecond, which timers do not know.
   * Sleeps, so it costs no CPU. Absent where time is simulated.
   */
  nap?(ms: number): void;
}

export interface Timer {
  /** Idempotent. After it, `fire` is never called. */
  cancel(): void;
}

const DELAY_MAX_MS = 2 ** 31 - 1;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (_name, delayMs, fire) => {
    const handle = setTimeout(fire, Math.min(Math.max(delayMs, 0), DELAY_MAX_MS));
    return { cancel: () => clearTimeout(handle) };
  },
  nap: (ms) => void Atomics.wait(NEVER_WOKEN, 0, 0, ms),
};

/** Resolves after `delayMs` on the given clock, or at once when `signal` is aborted. */
export function sleep(
  clock: Clock,
  name: string,
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimer(name, delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
