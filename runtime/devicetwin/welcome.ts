import { LIMITS } from '#protocol/limits.js';
import type { Welcome } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { splitKey } from '../metamanager/tables.js';
import type { LocalWriteRow } from '../metamanager/tables.js';
import type { Draft } from './draft.js';
import { describedProperty } from './twin-rows.js';

/**
 * WELCOME as one transaction (docs/sync-protocol.md section 4.1). `known` is the highest number
 * of this history that the hub holds, so:
 * - whatever is numbered above it is unsent, whatever was acknowledged before (an emptied or
 *   restored hub), and moves into a new generation with its number;
 * - a hub that went back holds that number, but maybe not every lower one, which may have come later:
 *   all is sent again under its own number, and what is there already changes nothing;
 * - on a fork, whatever is not above it is older than what the hub may have: it becomes stale. If
 *   the hub never had it, it is still sent, in its own generation: a number up to `known` names one
 *   value in all lives of this store, so it cannot go over a newer one;
 * - desired values of the backup go, since the hub sends its own, on a resync too;
 * - on a resync everything that is not stale takes a fresh number; what is stale is given up, since
 *   this hub may have handed out its generation to another store. Lives of devices go on: another
 *   one would take the desired values at the hub with it.
 */
export function welcomed(draft: Draft, welcome: Welcome): void {
  const { fork, resync, gen } = welcome;
  const known = welcome.known.state;
  const before = draft.rows.identity().gen;
  const moved = gen !== before;
  const hubWentBack = welcome.hubLineage !== draft.rows.identity().hubLineage;
  // Generation 0 is "not told yet", also for what the hub has: it knows a number under its own.
  const prior = before === 0 ? (welcome.priorGen ?? 0) : before;
  const into = (version: Version): Version => {
    if (!moved || (version.n <= known && version.gen > 0)) return version;
    return { gen: version.n <= known && prior > 0 ? prior : gen, n: version.n };
  };

  for (const id of draft.rows.keys('devices')) {
    const row = draft.rows.get('devices', id);
    // Lives that the hub gave are numbered by the hub.
    if (row === undefined || row.hub !== undefined) continue;
    // The life of a device that was named to this hub goes on, whatever the hub remembers.
    const isNamed = resync && row.incarnation.gen > 0;
    const incarnation = isNamed ? row.incarnation : into(row.incarnation);
    // The configuration was read in this process: it is announced anew rather than left stale.
    const n = fork || resync ? draft.rows.number() : row.n;
    if (incarnation !== row.incarnation || n !== row.n)
      draft.device(id, { ...row, incarnation, n });
    if (n > known || hubWentBack) draft.announced(id, undefined);
  }

  for (const key of draft.rows.keys('reported')) {
    const row = draft.rows.get('reported', key);
    const { device, property } = splitKey(key);
    if (row === undefined) continue;
    if (row.stale === true) {
      if (resync) draft.acknowledged(key, row.n);
    } else if (fork && row.n <= known) {
      draft.reported(device, property, { ...row, stale: true, gen: prior });
      // Of a life that nobody can name any more.
      if (prior === 0) draft.acknowledged(key, row.n);
    } else if (resync) {
      draft.reported(device, property, { ...row, n: draft.rows.number() });
    } else if (row.n > known || hubWentBack) {
      draft.acknowledged(key, undefined);
    }
  }

  if (moved) moveLocals(draft, into);
  if ((fork || resync) && !welcome.adopt) dropDesired(draft);
  if (fork || resync) doubtApplied(draft);

  const { hubBoot, earlierHubBoots = [] } = welcome;
  const heard = [...draft.rows.identity().hubBoots, ...earlierHubBoots, hubBoot];
  draft.identity({
    lineage: welcome.lineage,
    gen,
    lastEpoch: welcome.epoch,
    hubLineage: welcome.hubLineage,
    hubGen: Math.max(draft.rows.identity().hubGen ?? 0, welcome.hubGen),
    // Heard again is heard newest: a ring forgets the boot that was silent longest.
    hubBoots: [...new Set(heard.toReversed())].toReversed().slice(-LIMITS.hubBootsKept),
  });
}

/**
 * Desired values of a backup: the hub has them or newer ones and sends what is missing. One that
 * it does not have belonged to a life of the device that has ended since, and nobody would ever
 * take it away.
 */
function dropDesired(draft: Draft): void {
  for (const key of draft.rows.keys('desired')) {
    const { device, property } = splitKey(key);
    const description = draft.rows.get('devices', device)?.description ?? null;
    const isOfHub = description !== null && describedProperty(description, property) !== undefined;
    if (isOfHub) draft.rows.put({ table: 'desired', key, row: null });
  }
}

/**
 * What a store of before says of the devices may be over: another life wrote to them since, and if
 * the hub went back too, under numbers that come again. What is desired is written once more.
 */
function doubtApplied(draft: Draft): void {
  for (const key of draft.rows.keys('applied')) {
    const row = draft.rows.get('applied', key);
    const { device, property } = splitKey(key);
    const description = draft.rows.get('devices', device)?.description ?? null;
    const isOfHub = description !== null && describedProperty(description, property) !== undefined;
    // A local write and a document's value never pass for a desired value.
    if (!isOfHub || row?.lid !== undefined || row?.document !== undefined) continue;
    draft.applied(device, property, { version: NO_VERSION });
    if (draft.rows.get('desired', key) !== undefined) draft.retarget(device, property);
  }
}

/**
 * A local write keeps its id unless the hub cannot have seen it: then its number may be one that
 * another life of this store used for something else.
 */
function moveLocals(draft: Draft, into: (version: Version) => Version): void {
  const move = (write: LocalWriteRow): LocalWriteRow => ({
    ...write,
    lid: into(write.lid),
    chainStart: into(write.chainStart),
  });
  for (const key of draft.rows.keys('locals')) {
    const row = draft.rows.get('locals', key);
    if (row === undefined) continue;
    const { pending, lost } = row;
    draft.locals(key, {
      lost: lost.map(move),
      ...(pending === undefined ? {} : { pending: move(pending) }),
    });
    const applied = draft.rows.get('applied', key);
    if (applied?.lid !== undefined)
      draft.rows.put({ table: 'applied', key, row: { ...applied, lid: into(applied.lid) } });
  }
}
