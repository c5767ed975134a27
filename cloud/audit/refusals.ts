import type { Clock } from '#protocol/clock.js';
import type { ForgedIdentity } from '#tunnel/transport.js';
import type { AuditTrail } from './audit-trail.js';
import { AUDIT_LIMITS } from './limits.js';
import type { AuditLimits } from './limits.js';
import type { AuditEntry } from './tables.js';

/** `weight`: how many were refused at once. */
export type Refused = (entry: AuditEntry, weight?: number) => void;

interface Window {
  readonly sinceMs: number;
  readonly seen: Set<string>;
  /** Refusals that have no record of their own. */
  more: number;
}

/** Actors whose windows are remembered, the oldest forgotten first. */
const ACTORS_MAX = 10_000;

/**
 * What was refused, into the trail: each kind once in a window and only so many of one actor, so
 * that who is refused a million times does not push out what others did. The rest is counted in
 * the first record of the next window.
 */
export class Refusals {
  readonly #trail: Pick<AuditTrail, 'record'>;
  readonly #clock: Clock;
  readonly #limits: AuditLimits;
  readonly #windows = new Map<string, Window>();

  constructor(trail: Pick<AuditTrail, 'record'>, clock: Clock, limits: AuditLimits = AUDIT_LIMITS) {
    this.#trail = trail;
    this.#clock = clock;
    this.#limits = limits;
  }

  readonly refused: Refused = (entry, weight = 1) => {
    const { refusalsPerNode, refusalWindowMs } = this.#limits;
    const nowMs = this.#clock.now();
    const last = this.#windows.get(entry.actor);
    const isOver = last === undefined || nowMs - last.sinceMs >= refusalWindowMs;
    const window = isOver ? { sinceMs: nowMs, seen: new Set<string>(), more: 0 } : last;
    if (isOver) this.#open(entry.actor, window);
    const kind = `${entry.action}\n${entry.subject}\n${entry.code ?? ''}`;
    if (window.seen.has(kind) || window.seen.size >= refusalsPerNode) {
      window.more += weight;
      return;
    }
    window.seen.add(kind);
    window.more += weight - 1;
    const earlier = isOver && last !== undefined ? last.more : 0;
    const detail = [
      ...(entry.detail === undefined ? [] : [entry.detail]),
      ...(earlier > 0 ? [`${earlier} more before that`] : []),
    ].join('; ');
    void this.#trail.record(detail === '' ? entry : { ...entry, detail });
  };

  #open(actor: string, window: Window): void {
    this.#windows.delete(actor);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= ACTORS_MAX && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.set(actor, window);
  }
}

/** All are one actor's: whoever has many addresses pushes nothing else out of the trail. */
export function forgedEntry({ address, error }: ForgedIdentity): AuditEntry {
  return {
    ...{ actor: 'nobody', action: 'node.refuse', subject: 'the identity header' },
    ...{ code: error.code, detail: `${address}: ${error.message}` },
  };
}
