import { LIMITS } from '#protocol/limits.js';
import type { Ack } from '#protocol/sync-message.js';
import type { Adopt, DesiredRow, HubDeviceRow } from '#protocol/sync-message-desired.js';
import type { Undelivered } from '../alarms/dead-letter.js';
import type { Adoptable } from '../devicetwin/adoptable.js';
import { GATEWAY_LIMITS } from '../limits.js';

/** Bytes around the rows of a message: generous. */
const ENVELOPE_BYTES = 256;

/**
 * Telling a restored hub what it forgot: one chunk after the other, each only when the one before
 * is durable there, the last one marked (docs/sync-protocol.md section 4.7). A session that ends
 * in between begins anew in the next; the hub keeps what it has taken over.
 */
export class Adoption {
  #state: 'none' | 'wanted' | 'asked' | 'telling' = 'none';
  #rows: DesiredRow[] = [];
  #devices: HubDeviceRow[] = [];
  #flying:
    | {
        readonly id: number;
        readonly last: boolean;
        readonly sentMs: number;
        readonly rows: readonly DesiredRow[];
      }
    | undefined;
  #rejected = 0;

  /** WELCOME asks for it; `isWanted` false: no adoption, or of a hub that cannot be told. */
  begin(isWanted: boolean): void {
    this.#state = isWanted ? 'wanted' : 'none';
    this.#rows = [];
    this.#devices = [];
    this.#flying = undefined;
    this.#rejected = 0;
  }

  get inFlight(): number {
    return this.#flying === undefined ? 0 : 1;
  }

  /** Since when an answer is waited for. */
  get overtakenAtMs(): number {
    return this.#flying?.sentMs ?? Infinity;
  }

  /** Rows that the hub could not take over. */
  get rejected(): number {
    return this.#rejected;
  }

  /** True once, when what is to be told must be read from the store. */
  ask(): boolean {
    if (this.#state !== 'wanted') return false;
    this.#state = 'asked';
    return true;
  }

  tell({ rows, devices }: Adoptable): void {
    if (this.#state !== 'asked') return;
    this.#state = 'telling';
    this.#rows = [...rows];
    this.#devices = [...devices];
  }

  next(epoch: number, id: number, bytesMax: number, now: number): Adopt | undefined {
    if (this.#state !== 'telling' || this.#flying !== undefined) return undefined;
    const limit = Math.min(bytesMax, GATEWAY_LIMITS.stateMessageBytes) - ENVELOPE_BYTES;
    const devices = take(this.#devices, limit);
    const rows = devices.length > 0 ? [] : take(this.#rows, limit);
    const last = this.#rows.length === 0 && this.#devices.length === 0;
    this.#flying = { id, last, sentMs: now, rows };
    return { kind: 'adopt', epoch, id, rows, devices, last };
  }

  /** What an Ack means: not ours, go on, or all is told and durable; and what was not taken over. */
  acknowledge({ id, rejects }: Ack): {
    readonly told: 'other' | 'more' | 'done';
    readonly undelivered: readonly Undelivered[];
  } {
    if (this.#flying?.id !== id) return { told: 'other', undelivered: [] };
    const { last, rows } = this.#flying;
    this.#rejected += rejects.length;
    const undelivered = rejects.flatMap(({ row, code }): Undelivered[] => {
      const { device, property } = rows[row] ?? {};
      if (device === undefined || property === undefined) return [];
      return [{ what: 'desired', device, property, code }];
    });
    this.#flying = undefined;
    if (!last) return { told: 'more', undelivered };
    this.#state = 'none';
    return { told: 'done', undelivered };
  }

  /** The hub does not know the message: it goes on holding back. */
  park(id: number): boolean {
    if (this.#flying?.id !== id) return false;
    this.begin(false);
    return true;
  }
}

/** Takes rows from the front, at least one, as far as they fit. */
function take<R extends DesiredRow | HubDeviceRow>(rows: R[], limit: number): R[] {
  let bytes = 0;
  let length = 0;
  for (const row of rows) {
    bytes += Buffer.byteLength(JSON.stringify(row));
    if ((bytes > limit && length > 0) || length === LIMITS.messageRows) break;
    length++;
  }
  return rows.splice(0, length);
}
