import { encodeSample } from '#protocol/sample-line.js';
import type { SampleRow, Samples } from '#protocol/sync-message-samples.js';
import { sameVersion } from '#protocol/twin.js';
import type { Authorizer } from '../cloudhub/authorizer.js';
import { NOTHING, count, send } from '../cloudhub/judgement.js';
import type { Effect, Judgement, NodeEvent, OpenSession } from '../cloudhub/judgement.js';
import type { Draft } from '../store/node-rows.js';
import { deviceKey, lineageKey } from '../store/tables.js';
import type { DeadLetter, HistoryRow, SampleLine } from '../store/tables.js';
import { HUB_HISTORY_LIMITS } from './limits.js';
import type { ParkedSamples } from './parked-samples.js';

export const EMPTY_HISTORY: HistoryRow = { applied: 0, dropped: 0, rejected: 0, letters: [] };

/**
 * Section 4.3 at the hub: a range that begins at or before the cursor applies its rows above it and
 * moves the cursor, in the transaction of the rows (hole H24); one that begins later is parked
 * (H2). A row that cannot be taken is a dead letter and accounted for (H29); a number without a
 * row was given up by the gateway (H3). A repeated range is acknowledged again (H25). Undefined:
 * its numbers do not add up, so that nobody may believe it.
 */
export function judgeSamples(
  draft: Draft,
  session: OpenSession,
  event: NodeEvent & { readonly kind: 'message' },
  message: Samples,
  context: {
    readonly authorizer: Authorizer;
    readonly wallMs: number;
    readonly parked: ParkedSamples;
  },
): Judgement | undefined {
  const key = lineageKey(draft.node, session.lineage);
  const lineage = draft.get('lineages', key);
  if (lineage === undefined || !addsUp(message)) return undefined;
  const stored = lineage.samplesStored;
  const { from, to, rows } = message;
  const { authorizer, wallMs, parked } = context;
  const sack = (n: number): Effect =>
    send(session.id, { kind: 'sack', epoch: session.epoch, stored: n });
  if (from > stored) {
    if (!parked.hasRoom(message))
      return { ...NOTHING, effects: [count('samplesUnparked'), sack(stored)] };
    return { ...NOTHING, effects: [count('samplesParked')], parks: message };
  }
  if (to <= stored) return { ...NOTHING, effects: [count('samplesRepeated'), sack(stored)] };

  const fresh = rows.filter(({ n }) => n > stored);
  const letters: DeadLetter[] = [];
  const samples: SampleLine[] = [];
  let foreign = 0;
  for (const row of fresh) {
    const code = authorizer.isForeign(row.device) ? 'EDGE_FORBIDDEN' : refusal(draft, row);
    if (code === 'EDGE_FORBIDDEN') foreign++;
    if (code === undefined) samples.push(lineOf(row));
    else letters.push({ device: row.device, property: row.property, n: row.n, code, at: wallMs });
  }
  const dropped = to - stored - fresh.length;
  draft.put('lineages', key, { ...lineage, samplesStored: to });
  const before = draft.get('histories', draft.node) ?? EMPTY_HISTORY;
  draft.put('histories', draft.node, {
    applied: before.applied + samples.length,
    dropped: before.dropped + dropped,
    rejected: before.rejected + letters.length,
    letters: [...before.letters, ...letters].slice(-HUB_HISTORY_LIMITS.deadLetters),
  });
  const following = parked.following(to);
  return {
    ...NOTHING,
    effects: [
      count('samplesApplied', samples.length),
      count('samplesDropped', dropped),
      count('samplesRejected', letters.length),
      count('foreignRows', foreign),
      sack(to),
    ],
    samples,
    samplesStored: to,
    ...(following === undefined ? {} : { rest: { ...event, message: following } }),
  };
}

/** Each number above `from` up to `to` is one row, in order, or one of `dropped`. */
function addsUp({ from, to, dropped, rows }: Samples): boolean {
  if (to < from || rows.length + dropped !== to - from) return false;
  let before = from;
  return rows.every(({ n }) => {
    const rises = n > before && n <= to;
    before = n;
    return rises;
  });
}

/** Also of a device that was removed since: the samples of its life are true. */
function refusal(draft: Draft, row: SampleRow): string | undefined {
  const device = draft.get('devices', deviceKey(draft.node, row.device));
  if (device === undefined) return 'EDGE_NO_DEVICE';
  if (!sameVersion(device.incarnation, row.incarnation)) return 'EDGE_INCARNATION';
  if (device.description === null) return undefined;
  const isKnown = device.description.properties.some(({ name }) => name === row.property);
  return isKnown ? undefined : 'EDGE_NO_PROPERTY';
}

function lineOf(row: SampleRow): SampleLine {
  const { device, property, incarnation, value, quality, reason, timestamp, clock } = row;
  const text = encodeSample({
    ...{ device, property, life: incarnation.n, value, quality },
    ...(reason === undefined ? {} : { reason }),
    ...(clock === undefined || clock === 'synced' ? {} : { taken: { quality: clock } }),
  });
  return { time: timestamp, text };
}
