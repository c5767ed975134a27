import type { TimeQuality } from './twin.js';

/** Of a time by a clock that was not known to be right then; what is right has none of these. */
export interface TakenAt {
  readonly quality: Exclude<TimeQuality, 'synced'>;
  /**
   * By the machine's own clock: which boot of the operating system, and how many milliseconds after
   * it. Absent for a time that somebody else gave: learning our own time says nothing of it.
   */
  readonly since?: { readonly boot: string; readonly ms: number };
}

/** A boot whose wall time was learnt: when it began, milliseconds since 1970. */
export interface LearntBoot {
  readonly boot: string;
  readonly beganMs: number;
}

/** A clock that tells how far its wall time may be believed. */
export interface DatingClock {
  /** What is to be kept beside a time of about now; undefined: it is right. */
  dating(timestampMs: number): TakenAt | undefined;
}

/**
 * The time that is known by now: what was taken before the clock was learnt is dated back by the
 * monotonic time since then.
 */
export function dated(
  timestamp: number,
  taken: TakenAt | undefined,
  learnt: readonly LearntBoot[] = [],
): { readonly timestamp: number; readonly clock: TimeQuality } {
  if (taken === undefined) return { timestamp, clock: 'synced' };
  const { quality, since } = taken;
  const began = learnt.find(({ boot }) => boot === since?.boot)?.beganMs;
  if (since === undefined || began === undefined) return { timestamp, clock: quality };
  return { timestamp: Math.max(0, Math.round(began + since.ms)), clock: 'synced' };
}
