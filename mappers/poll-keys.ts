import { CYCLE_SUSPECT_MS, parseCycle, POLL_CLASSES } from '#protocol/device-document-cycle.js';
import type { ConfigReader } from './config-reader.js';
import { MAPPER_LIMITS } from './limits.js';

/**
 * Judges `cycle` of a device's settings, for every protocol. Who read the document has applied it
 * already, and `poll` of the visitors too: `defaultCycleMs`.
 */
export function readCycle(reader: ConfigReader): void {
  const raw = reader.raw('cycle');
  const ms = parseCycle(raw) ?? 0;
  if (raw === undefined || (ms >= MAPPER_LIMITS.cycleMinMs && ms <= CYCLE_SUSPECT_MS)) return;
  reader.issue(
    'cycle',
    `is not a length of time from ${MAPPER_LIMITS.cycleMinMs} ms to a day`,
    'Write milliseconds, or a number with a unit: cycle: 500ms, 10s, 2m.',
  );
}

/** Judges `poll` of a visitor. */
export function readPoll(reader: ConfigReader): void {
  if (reader.has('poll')) reader.choice('poll', POLL_CLASSES);
}
