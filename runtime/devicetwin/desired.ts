import type { DesiredRow, LocalResult } from '#protocol/sync-message.js';
import { compareVersions, NO_VERSION, sameVersion } from '#protocol/twin.js';
import type { Desired, Version } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { propertyKey } from '../metamanager/tables.js';
import type { LocalWriteRow } from '../metamanager/tables.js';
import type { Draft } from './draft.js';
import type { TwinEvent } from './twin-event.js';
import { describedProperty, isOwnEcho } from './twin-rows.js';

/** DESIRED of the hub (docs/sync-protocol.md sections 4.4 and 4.5). */
export function storeDesired(draft: Draft, row: DesiredRow): void {
  const { device, property, version, value, origin, since, later } = row;
  const life = draft.rows.get('devices', device);
  if (
    life === undefined ||
    life.description === null ||
    !sameVersion(life.incarnation, row.incarnation)
  )
    return;
  if (describedProperty(life.description, property) === undefined) return;
  const key = propertyKey(device, property);
  const stored = draft.rows.get('desired', key);
  if (stored !== undefined && compareVersions(version, stored.version) <= 0) return;
  keep(draft, device, property, {
    ...{ version, value },
    ...(origin === undefined ? {} : { origin }),
    ...(later === undefined ? {} : { later }),
  });
  const locals = draft.rows.get('locals', key);
  const pending = locals?.pending;
  if (locals === undefined || pending === undefined) return;
  if (isOwnEcho(origin, pending.chainStart)) {
    // An older own value than the pending one is stored and never written.
    if (origin !== undefined && sameVersion(origin, pending.lid))
      draft.locals(key, { lost: locals.lost });
  } else if (pending.lost !== true && !standsOn(pending, since ?? version)) {
    draft.locals(key, { pending: { ...pending, lost: true }, lost: locals.lost });
  }
}

/**
 * A numbered compare-and-set of this gateway. Writes that follow each other stand on one base as
 * a chain, or the second would conflict with the first (hole H18). A property that stays on the
 * gateway has no other writer: its local write is its desired value.
 */
export function writeLocally(draft: Draft, event: TwinEvent & { kind: 'local-write' }): void {
  const { device, property, value, actor } = event;
  const lid = { gen: draft.rows.identity().gen, n: draft.rows.number() };
  const description = draft.rows.get('devices', device)?.description ?? null;
  const key = propertyKey(device, property);
  if (description === null || describedProperty(description, property) === undefined) {
    draft.localWrite(lid, 0);
    draft.desired(device, property, { version: lid, value, origin: lid });
    return;
  }
  const { pending, lost = [] } = draft.rows.get('locals', key) ?? {};
  const chained = pending !== undefined && pending.lost !== true;
  const base = draft.rows.get('desired', key)?.version ?? NO_VERSION;
  const row: LocalWriteRow = {
    lid,
    base: chained ? pending.base : base,
    chainStart: chained ? pending.chainStart : lid,
    value,
    actor,
  };
  const losers = pending?.lost === true ? [...lost, pending] : lost;
  const kept = losers.slice(-GATEWAY_LIMITS.lostLocalWrites);
  draft.localWrite(lid, losers.length - kept.length);
  draft.retarget(device, property);
  draft.locals(key, { pending: row, lost: kept });
}

/** LOCALRES: durable at the hub. A pending write that is not this one stays. */
export function decideLocal(draft: Draft, result: LocalResult): void {
  const { device, property, lid, outcome, version } = result;
  const key = propertyKey(device, property);
  const { pending, lost = [] } = draft.rows.get('locals', key) ?? {};
  if (pending === undefined || !sameVersion(pending.lid, lid)) {
    const rest = lost.filter((write) => !sameVersion(write.lid, lid));
    if (rest.length < lost.length)
      draft.locals(key, { lost: rest, ...(pending === undefined ? {} : { pending }) });
    return;
  }
  draft.retarget(device, property);
  draft.locals(key, { lost });
  if (outcome !== 'ok' || version === undefined) return;
  const stored = draft.rows.get('desired', key);
  if (stored === undefined || compareVersions(version, stored.version) > 0)
    keep(draft, device, property, { version, value: pending.value, origin: lid });
}

/** What the write is based on, given up at a fork and sent again, or under another number. */
function standsOn({ base }: LocalWriteRow, since: Version): boolean {
  return compareVersions(base, since) >= 0;
}

function keep(draft: Draft, device: string, property: string, row: Desired): void {
  draft.desired(device, property, row);
  raiseDesired(draft, row.version);
}

/** The highest number of the hub that was stored, for HELLO. */
export function raiseDesired(draft: Draft, { gen, n }: Version): void {
  const { maxDesired, hubGen = 0 } = draft.rows.identity();
  if (n > maxDesired || gen > hubGen)
    draft.identity({ maxDesired: Math.max(maxDesired, n), hubGen: Math.max(hubGen, gen) });
}
