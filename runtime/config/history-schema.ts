import * as v from 'valibot';
import { parseCycle } from '#protocol/device-document-cycle.js';
import { HISTORY_LIMITS } from '../history/limits.js';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const AGE = 'must be a length of time of at least a minute, such as 12h or 30d';
const AGE_MIN_MS = 60_000;
const AGE_MAX_MS = 36_500 * DAY_MS;
const MIB_MAX = 1024 * 1024;

/** Milliseconds of "30d", or whatever a cycle may be. */
export function parseAge(text: string): number | undefined {
  const days = /^\s*(\d{1,5})\s*d\s*$/.exec(text)?.[1];
  return days === undefined ? parseCycle(text) : Number(days) * DAY_MS;
}

function isAge(text: string): boolean {
  const ms = parseAge(text);
  return ms !== undefined && ms >= AGE_MIN_MS && ms <= AGE_MAX_MS;
}

/** `history` in gateway.yaml. */
export const historySchema = v.strictObject(
  {
    maxMiB: v.optional(
      v.pipe(
        v.number('must be a number of MiB'),
        v.integer('must be a whole number of MiB'),
        v.minValue(1, 'must be at least 1'),
        v.maxValue(MIB_MAX, `must be at most ${MIB_MAX}`),
        v.description('Space on the disk for samples, in MiB.'),
      ),
      HISTORY_LIMITS.maxBytes / MIB,
    ),
    maxAge: v.optional(
      v.pipe(
        v.string(AGE),
        v.check(isAge, AGE),
        v.description(
          'Samples older than this go, sent or not: 12h, 30d. Absent: only space counts.',
        ),
      ),
    ),
    whenFull: v.optional(
      v.pipe(
        v.picklist(['drop-oldest', 'drop-newest'], 'must be drop-oldest or drop-newest'),
        v.description('What gives way when the space is used up. Every dropped sample is counted.'),
      ),
      'drop-oldest',
    ),
  },
  'must be a map',
);

/** The bounds of the history, as it wants them. */
export interface HistoryBounds {
  readonly maxBytes: number;
  readonly maxAgeMs?: number;
  readonly keep: 'newest' | 'oldest';
}

export function historyBounds(document: v.InferOutput<typeof historySchema>): HistoryBounds {
  const { maxMiB, maxAge, whenFull } = document;
  const maxAgeMs = maxAge === undefined ? undefined : parseAge(maxAge);
  return {
    maxBytes: maxMiB * MIB,
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    keep: whenFull === 'drop-oldest' ? 'newest' : 'oldest',
  };
}
