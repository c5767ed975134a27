import { Readable } from 'node:stream';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { Refusal } from '#protocol/problem.js';
import type { Audit } from '../audit/audit-trail.js';
import type { ApiLimits } from './limits.js';
import { route } from './route.js';
import type { Route } from './route.js';

/** The rows of one moment as a backup; one such answer at a time, since each holds all rows. */
export function backupRoute(
  open: () => AsyncIterable<Uint8Array>,
  clock: Clock,
  { backupStallMs }: Pick<ApiLimits, 'backupStallMs'>,
  audit?: Audit,
): Route {
  let busy = false;

  async function* guarded(cut: () => void): AsyncGenerator<Uint8Array> {
    for await (const chunk of open()) {
      const stall = clock.setTimer('backup-stall', backupStallMs, cut);
      try {
        yield chunk;
      } finally {
        stall.cancel();
      }
    }
  }

  return route({
    method: 'GET',
    path: '/api/v1/backup',
    access: 'admin',
    summary: 'What the hub keeps, without its keys, as `edgetwin-hub restore` takes it.',
    answers: [
      { status: 200, summary: 'The backup.', mediaType: 'application/octet-stream' },
      { status: 503, summary: 'Another backup is being made.' },
    ],
    handle: async ({ identity }) => {
      if (busy)
        throw new Refusal(503, 'EDGE_LIMIT', 'another backup is being made', {
          hint: 'Wait until it has ended.',
          headers: { 'retry-after': '10' },
        });
      busy = true;
      const actor = `operator:${identity.name}`;
      await audit?.record({ actor, action: 'backup.read', subject: 'hub' });
      const stalled = (): void =>
        void bytes.destroy(new EdgeError('EDGE_TIMEOUT', 'reads nothing'));
      const bytes = Readable.from(guarded(stalled), { objectMode: false });
      // Nobody is told by an event: the connection ends.
      bytes.on('error', () => undefined);
      bytes.once('close', () => (busy = false));
      const body = Readable.toWeb(bytes) as ReadableStream<Uint8Array>;
      return { status: 200, mediaType: 'application/octet-stream', body };
    },
  });
}
