import { EdgeError } from '#protocol/errors.js';
import type { Log, LogFields } from '#protocol/log.js';

/**
 * The run-time invariants of docs/sync-protocol.md section 6 that concern the gateway. A breach
 * is a defect: it throws where `strict` (tests, simulator) and is counted and logged otherwise.
 */
export class Invariants {
  #breaches = new Map<string, number>();
  #log: Log;
  #strict: boolean;

  constructor(log: Log, strict = false) {
    this.#log = log;
    this.#strict = strict;
  }

  /** `name` begins with the number in section 6: `I4 ...`. */
  check(holds: boolean, name: string, fields: LogFields = {}): boolean {
    if (holds) return true;
    this.#breaches.set(name, (this.#breaches.get(name) ?? 0) + 1);
    this.#log.error('invariant-broken', { invariant: name, ...fields });
    if (this.#strict) {
      throw new EdgeError('EDGE_INTERNAL', `invariant broken: ${name} ${JSON.stringify(fields)}`, {
        hint: 'report this with the log around it',
      });
    }
    return false;
  }

  /** Breaches since the process started, by name. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#breaches);
  }
}
