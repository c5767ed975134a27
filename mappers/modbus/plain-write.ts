import type { ModbusRequest } from './frame.js';
import type { BusOutcome, Priority } from './job.js';

export type Ask = (
  request: ModbusRequest,
  priority: Priority,
  notAfterMs?: number,
) => Promise<BusOutcome>;

type Write = Extract<ModbusRequest, { op: 'write' }>;

const ILLEGAL_FUNCTION = 1;

/**
 * Writes registers or coils; a single one by function 6 or 5, or, where the device does not know
 * that function, by 16 or 15, which is remembered. A device that refuses a function has done
 * nothing, so that the second request is the first write.
 */
export class PlainWriter {
  readonly #ask: Ask;
  /** Kinds that the device takes only by the function for several. */
  readonly #severalOnly = new Set<Write['kind']>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async write(request: Write, notAfterMs?: number): Promise<BusOutcome> {
    const isSingle = request.words.length === 1;
    if (isSingle && this.#severalOnly.has(request.kind))
      return this.#ask({ ...request, several: true }, 'write', notAfterMs);
    const outcome = await this.#ask(request, 'write', notAfterMs);
    const isMissing = outcome.kind === 'exception' && outcome.code === ILLEGAL_FUNCTION;
    if (!isSingle || !isMissing) return outcome;
    const again = await this.#ask({ ...request, several: true }, 'write', notAfterMs);
    if (again.kind === 'data') this.#severalOnly.add(request.kind);
    return again;
  }
}
