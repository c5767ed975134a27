import type { Uptime } from '#journal/os-uptime.js';
import type { Clock, Timer } from '#protocol/clock.js';
import type { DatingClock, LearntBoot, TakenAt } from '#protocol/taken-at.js';
import type { TimeQuality } from '#protocol/twin.js';

/**
 * The system's clock and the hub's may differ by so much and still agree: a WELCOME may have been
 * on its way for GATEWAY_LIMITS.welcomeTimeoutMs.
 */
export const TIME_TOLERANCE_MS = 20_000;

/**
 * The wall clock of a machine that may have none: boards without a battery boot at 1970, or at the
 * time of their last shutdown. It never shows less than a floor, the best lower bound that is
 * known, which goes on with monotonic time; and once the hub has told the time, it shows that,
 * unless the system's clock agrees. Labels for people only: no decision reads it.
 */
export class WallClock implements Clock, DatingClock {
  #system: Clock;
  #uptime: Uptime | undefined;
  /** A wall time that has passed for certain, less the monotonic time of then. */
  #floorBaseMs: number;
  #hubBaseMs: number | undefined;

  /**
   * `floorMs`: milliseconds since 1970 that have passed for certain, as of now. Without `uptime`
   * nothing that was taken before the time was learnt is dated back.
   */
  constructor(system: Clock, floorMs: number, uptime?: Uptime) {
    this.#system = system;
    this.#uptime = uptime;
    this.#floorBaseMs = floorMs - system.now();
  }

  now(): number {
    return this.#system.now();
  }

  wallTime(): number {
    const system = this.#system.wallTime();
    const hub = this.#hubMs();
    if (hub === undefined) return Math.max(system, this.floorMs());
    // The system's clock, when it is right: it is kept in step, monotonic time drifts.
    return Math.abs(system - hub) <= TIME_TOLERANCE_MS ? system : hub;
  }

  setTimer(name: string, delayMs: number, fire: () => void): Timer {
    return this.#system.setTimer(name, delayMs, fire);
  }

  quality(): TimeQuality {
    if (this.#hubBaseMs !== undefined) return 'synced';
    return this.#system.wallTime() > this.floorMs() ? 'unknown' : 'floor';
  }

  /** A lower bound of the true time; to be kept for the next start. */
  floorMs(): number {
    return this.#floorBaseMs + this.now();
  }

  /** The hub's wall time. Gives how much later this clock is shown from now on than before. */
  learn(hubMs: number): number {
    const before = this.wallTime();
    this.#hubBaseMs = hubMs - this.now();
    // Also when it is earlier: a floor that came from a wrong clock must not stay for ever.
    this.#floorBaseMs = this.#hubBaseMs;
    return this.wallTime() - before;
  }

  /** A time far from this clock's was given by another one, which nobody confirmed. */
  dating(timestampMs: number): TakenAt | undefined {
    const agoMs = this.wallTime() - timestampMs;
    if (!(Math.abs(agoMs) <= TIME_TOLERANCE_MS)) return { quality: 'unknown' };
    const quality = this.quality();
    if (quality === 'synced') return undefined;
    const uptime = this.#uptime;
    if (uptime === undefined) return { quality };
    const ms = Math.round(this.now() + uptime.offsetMs - agoMs);
    return { quality, since: { boot: uptime.osBoot, ms } };
  }

  /** When this boot of the machine began, once the hub has told the time. */
  learntBoot(): LearntBoot | undefined {
    const uptime = this.#uptime;
    if (uptime === undefined || this.#hubBaseMs === undefined) return undefined;
    const beganMs = Math.round(this.wallTime() - this.now() - uptime.offsetMs);
    return { boot: uptime.osBoot, beganMs };
  }

  #hubMs(): number | undefined {
    return this.#hubBaseMs === undefined ? undefined : this.#hubBaseMs + this.now();
  }
}
