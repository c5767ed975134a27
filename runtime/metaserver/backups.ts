import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Refusal } from '#protocol/problem.js';
import { beginBytes } from './exchange.js';
import { METASERVER_LIMITS } from './limits.js';

/** Sends the rows of one moment; one such answer at a time, since each holds all rows. */
export class Backups {
  readonly #open: () => AsyncIterable<Uint8Array>;
  #busy = false;

  constructor(open: () => AsyncIterable<Uint8Array>) {
    this.#open = open;
  }

  /** Throws EDGE_LIMIT (503) while another backup is under way. */
  async send(response: ServerResponse): Promise<void> {
    if (this.#busy)
      throw new Refusal(503, 'EDGE_LIMIT', 'another backup is being made', {
        hint: 'Wait until it has ended.',
        headers: { 'retry-after': '10' },
      });
    this.#busy = true;
    try {
      beginBytes(response);
      // Whoever reads nothing for so long is gone.
      response.setTimeout(METASERVER_LIMITS.backupStallMs, () => response.destroy());
      await pipeline(Readable.from(this.#open(), { objectMode: false }), response);
    } finally {
      this.#busy = false;
    }
  }
}
