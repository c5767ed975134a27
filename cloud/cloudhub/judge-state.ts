import type { State, StateRow } from '#protocol/sync-message.js';
import { compareVersions, sameVersion } from '#protocol/twin.js';
import type { Reported } from '#protocol/twin.js';
import { liveDevice } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { lineageKey, propertyKey } from '../store/tables.js';
import type { Authorizer } from './authorizer.js';
import { count, send } from './judgement.js';
import type { Effect, OpenSession } from './judgement.js';

/**
 * Section 4.2 at the hub, row by row: applied, obsolete or rejected with a code; the
 * acknowledgement accounts for all of them and follows the watchers. A duplicate is acknowledged
 * like the first (hole H25).
 */
export function judgeState(
  draft: Draft,
  session: OpenSession,
  message: State,
  authorizer: Authorizer,
): Effect[] {
  const rejects: { row: number; code: string }[] = [];
  const reported = new Map<string, Set<string>>();
  let applied = 0;
  let foreign = 0;
  message.rows.forEach((row, index) => {
    if (authorizer.isForeign(row.device)) foreign++;
    const code = authorizer.isForeign(row.device) ? 'EDGE_FORBIDDEN' : refusal(draft, session, row);
    if (code !== undefined) rejects.push({ row: index, code });
    else if (apply(draft, session, row)) {
      applied++;
      const properties = reported.get(row.device) ?? new Set();
      reported.set(row.device, properties.add(row.property));
    }
  });
  const own = message.rows.filter(({ gen }) => gen === undefined);
  raiseHighest(draft, session, Math.max(0, ...own.map(({ n }) => n)));
  return [
    ...Array.from(reported, ([device, properties]): Effect => ({
      kind: 'reported',
      device,
      properties: [...properties],
    })),
    count('rowsApplied', applied),
    count('rowsRejected', rejects.length),
    count('rowsObsolete', message.rows.length - applied - rejects.length),
    count('foreignRows', foreign),
    send(session.id, { kind: 'ack', epoch: session.epoch, id: message.id, rejects }),
  ];
}

/** Remembers the highest number seen of the session's lineage, which a later HELLO is judged by. */
export function raiseHighest(draft: Draft, session: OpenSession, n: number): void {
  const key = lineageKey(draft.node, session.lineage);
  const row = draft.get('lineages', key);
  if (row !== undefined && n > row.maxState) draft.put('lineages', key, { ...row, maxState: n });
}

function refusal(draft: Draft, session: OpenSession, row: StateRow): string | undefined {
  // Of an older generation at most: a later one would block every value that is still to come.
  if (row.gen !== undefined && row.gen >= session.gen) return 'EDGE_PROTOCOL';
  const device = liveDevice(draft, draft.node, row.device);
  if (device === undefined) return 'EDGE_NO_DEVICE';
  if (!sameVersion(device.incarnation, row.incarnation)) return 'EDGE_INCARNATION';
  const isKnown = device.description.properties.some(({ name }) => name === row.property);
  return isKnown ? undefined : 'EDGE_NO_PROPERTY';
}

function apply(draft: Draft, session: OpenSession, row: StateRow): boolean {
  const key = propertyKey(draft.node, row.device, row.property);
  const version = { gen: row.gen ?? session.gen, n: row.n };
  const revived = liveDevice(draft, draft.node, row.device)?.revived;
  if (revived !== undefined && version.gen < revived.gen) return false;
  const stored = draft.get('reported', key);
  if (stored !== undefined && compareVersions(version, stored.version) <= 0) return false;
  const { value, quality, reason, timestamp, clock, desiredVersion } = row;
  const reported: Reported = {
    version,
    value,
    quality,
    ...(reason === undefined ? {} : { reason }),
    timestamp,
    ...(clock === undefined ? {} : { clock }),
    desiredVersion,
  };
  draft.put('reported', key, reported);
  return true;
}
