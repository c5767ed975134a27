import type { ByeReason } from '#protocol/sync-message.js';
import { GATEWAY_LIMITS } from '../limits.js';

/** How often it was tried in vain, and how often the hub told this gateway to keep away. */
export interface Backoff {
  readonly failures: number;
  readonly holds: number;
}

export const FRESH_BACKOFF: Backoff = { failures: 0, holds: 0 };

/** Years of failures stay a number. */
const DOUBLINGS_MAX = 30;

/** After these the other end is right and soon again is no help: a person must do something. */
const HOLDING: ReadonlySet<ByeReason> = new Set(['superseded', 'clone', 'unsupported']);

/**
 * How long to wait before the next dial. A session that lasted starts anew, so that a hub that
 * restarts is found again at once; full jitter below a doubling ceiling keeps a fleet from coming
 * back as one. After BYE superseded and its like: at least ten minutes, doubling, jittered
 * upwards (docs/sync-protocol.md section 4.10). `unit` is uniform in [0, 1).
 */
export function nextDial(
  backoff: Backoff,
  ended: { readonly livedMs: number; readonly bye?: ByeReason | undefined },
  unit: number,
): { readonly backoff: Backoff; readonly waitMs: number; readonly hold: boolean } {
  const { holdFirstMs, holdMaxMs, redialFirstMs, redialMaxMs, sessionLastedMs } = GATEWAY_LIMITS;
  if (ended.bye !== undefined && HOLDING.has(ended.bye)) {
    const waitMs = doubled(holdFirstMs, backoff.holds, holdMaxMs) * (1 + unit / 2);
    return { backoff: { failures: 0, holds: backoff.holds + 1 }, waitMs, hold: true };
  }
  const lasted = ended.livedMs >= sessionLastedMs;
  // Only a session that outlived the first hold shows that nobody fights for this identity.
  const holds = ended.livedMs >= holdFirstMs ? 0 : backoff.holds;
  // A hub that refuses is full, or does not know this node yet: the longest wait from the start.
  const refused = ended.bye === 'refused' ? Infinity : 0;
  const failures = lasted ? 0 : Math.max(backoff.failures, refused);
  const waitMs = doubled(redialFirstMs, failures, redialMaxMs) * unit;
  return {
    backoff: { failures: Math.min(failures + 1, DOUBLINGS_MAX), holds },
    waitMs,
    hold: false,
  };
}

function doubled(firstMs: number, times: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(times, DOUBLINGS_MAX));
}
