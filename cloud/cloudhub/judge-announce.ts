import type { DeviceId } from '#protocol/device.js';
import { LIMITS } from '#protocol/limits.js';
import type { Announce, AnnounceRow } from '#protocol/sync-message.js';
import { compareVersions, sameVersion } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { HUB_LIMITS } from '../limits.js';
import { isLive } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { deviceKey, deviceOfKey, propertyKey } from '../store/tables.js';
import type { DeviceRow } from '../store/tables.js';
import { hasAlarm, withAlarm } from './alarms.js';
import type { Authorizer } from './authorizer.js';
import { count, send } from './judgement.js';
import type { AnnounceProgress, DownlinkNews, Effect, OpenSession } from './judgement.js';
import { raiseHighest } from './judge-state.js';

export interface AnnounceOutcome {
  readonly effects: Effect[];
  readonly downlink: DownlinkNews[];
  readonly claims: DeviceId[];
  /** Set when the message goes on in another transaction; it is acknowledged by the last one. */
  progress?: AnnounceProgress;
}

/**
 * Section 4.8: devices of the gateway's own files. Newer announcements win, tombstones too; a new
 * life starts with an empty twin; nothing that is absent is deleted (hole H28). A device that
 * another node owns is refused and shown as an alarm of this node.
 */
export function judgeAnnounce(
  draft: Draft,
  session: OpenSession,
  message: Announce,
  context: { authorizer: Authorizer; wallMs: number; progress?: AnnounceProgress | undefined },
): AnnounceOutcome {
  const { authorizer, wallMs, progress = { from: 0, rejects: [] } } = context;
  const outcome: AnnounceOutcome = { effects: [], downlink: [], claims: [] };
  const rejects = [...progress.rejects];
  let chars = 0;
  let next = progress.from;
  for (const row of message.rows.slice(progress.from)) {
    chars += weight(draft, row);
    if (chars > HUB_LIMITS.announceChars && next > progress.from) break;
    const code = judgeRow(draft, session, row, authorizer, outcome);
    if (code !== undefined) rejects.push({ row: next, code });
    if (code === 'EDGE_DEVICE_TAKEN') refuseTaken(draft, row.device, wallMs, outcome);
    else settleAlarm(draft, row.device, outcome);
    raiseHighest(draft, session, row.n);
    next++;
  }
  outcome.effects.push(count('tombstonesForgotten', forgetTombstones(draft)));
  if (next < message.rows.length) return { ...outcome, progress: { from: next, rejects } };
  outcome.effects.push(
    count('devicesRefused', rejects.length),
    send(session.id, { kind: 'ack', epoch: session.epoch, id: message.id, rejects }),
  );
  return outcome;
}

/** Characters that a row adds to the transaction: the new description and the rows it clears. */
function weight(draft: Draft, row: AnnounceRow): number {
  const before = draft.get('devices', deviceKey(draft.node, row.device))?.description;
  const clears = before?.properties.length ?? 0;
  return JSON.stringify(row.description).length + clears * 3 * (row.device.length + CLEARED_CHARS);
}

/** A property's name and the fields of an empty row, roughly. */
const CLEARED_CHARS = 80;

function judgeRow(
  draft: Draft,
  session: OpenSession,
  row: AnnounceRow,
  authorizer: Authorizer,
  outcome: AnnounceOutcome,
): string | undefined {
  const key = deviceKey(draft.node, row.device);
  const before = draft.get('devices', key);
  const version = { gen: session.gen, n: row.n };
  if (row.description !== null && authorizer.isForeign(row.device)) return 'EDGE_DEVICE_TAKEN';
  // Who has the id keeps it: a device of this hub ends here, not by a file of its gateway.
  if (before?.hub !== undefined && isLive(before))
    return row.description === null ? undefined : 'EDGE_DEVICE_TAKEN';
  if (before !== undefined && compareVersions(version, before.version) <= 0) return undefined;
  if (isExtra(draft, before, row)) return 'EDGE_LIMIT';

  const revived = revivedAt(draft, before, row, version);
  const after: DeviceRow = {
    incarnation: row.incarnation,
    version,
    ...(revived === undefined ? {} : { revived }),
    description: row.description,
  };
  clearTwin(draft, row.device, before, after);
  draft.put('devices', key, after);
  const wasAlive = before !== undefined && isLive(before);
  if (wasAlive && !isSameLife(before, after))
    outcome.downlink.push({ kind: 'forgotten', device: row.device });
  if (after.description !== null) {
    outcome.claims.push(row.device);
    outcome.effects.push({ kind: 'device', device: row.device });
  } else if (wasAlive) outcome.effects.push({ kind: 'device-removed', device: row.device });
  return undefined;
}

/**
 * A life that began before the last news of the device was brought back by a restored store: what it
 * numbered in an older generation may be older than what was shown meanwhile.
 */
function revivedAt(
  draft: Draft,
  before: DeviceRow | undefined,
  { device, incarnation }: AnnounceRow,
  version: Version,
): Version | undefined {
  if (before === undefined) return undefined;
  if (isLive(before) && sameVersion(incarnation, before.incarnation)) return before.revived;
  const shown = (before.description?.properties ?? []).flatMap(
    ({ name }) => draft.get('reported', propertyKey(draft.node, device, name))?.version ?? [],
  );
  const isOlder = [before.version, ...shown].some(
    (news) => compareVersions(incarnation, news) <= 0,
  );
  return isOlder ? version : undefined;
}

export function isSameLife(before: DeviceRow, after: DeviceRow): boolean {
  return after.description !== null && sameVersion(before.incarnation, after.incarnation);
}

function isExtra(draft: Draft, before: DeviceRow | undefined, row: AnnounceRow): boolean {
  if (row.description === null || (before !== undefined && isLive(before))) return false;
  return liveDevices(draft) >= LIMITS.devicesPerNode;
}

export function liveDevices(draft: Draft): number {
  const changed = draft.changes('devices');
  let live = 0;
  for (const [key, row] of draft.base.all('devices'))
    if (!changed.has(key) && row.description !== null) live++;
  for (const row of changed.values()) if (row !== null && row.description !== null) live++;
  return live;
}

/** Rows of an earlier life, and rows of properties that the device no longer has (hole H21). */
export function clearTwin(
  draft: Draft,
  device: DeviceId,
  before: DeviceRow | undefined,
  after: DeviceRow,
): void {
  const kept = new Set(
    before !== undefined && isSameLife(before, after)
      ? after.description?.properties.map(({ name }) => name)
      : [],
  );
  for (const { name } of before?.description?.properties ?? []) {
    if (kept.has(name)) continue;
    const key = propertyKey(draft.node, device, name);
    draft.remove('reported', key);
    draft.remove('desired', key);
    draft.remove('locals', key);
  }
}

function takenAlarm(device: DeviceId): { code: 'EDGE_DEVICE_TAKEN'; detail: string } {
  return { code: 'EDGE_DEVICE_TAKEN', detail: `${device} belongs to another node or to this hub.` };
}

function refuseTaken(
  draft: Draft,
  device: DeviceId,
  wallMs: number,
  outcome: AnnounceOutcome,
): void {
  const node = draft.get('nodes', draft.node);
  const alarm = takenAlarm(device);
  outcome.effects.push(count('foreignRows'));
  if (node === undefined || hasAlarm(node, alarm)) return;
  draft.put('nodes', draft.node, withAlarm(node, { ...alarm, at: wallMs }));
  outcome.effects.push({ kind: 'alarm', ...alarm }, { kind: 'node' });
}

/** The gateway owns the id now, or gave it up. */
function settleAlarm(draft: Draft, device: DeviceId, outcome: AnnounceOutcome): void {
  const node = draft.get('nodes', draft.node);
  const { code, detail } = takenAlarm(device);
  if (node === undefined || !hasAlarm(node, { code, detail })) return;
  const alarms = node.alarms.filter((alarm) => alarm.code !== code || alarm.detail !== detail);
  draft.put('nodes', draft.node, { ...node, alarms });
  outcome.effects.push({ kind: 'node' });
}

/** The oldest tombstones beyond the limit: their late announcements died with their sessions. */
function forgetTombstones(draft: Draft): number {
  const tombs = [...draft.changes('devices')].filter(([, row]) => row?.description === null);
  if (tombs.length === 0) return 0;
  const all = new Map<string, DeviceRow | null>([...draft.base.all('devices')]);
  for (const [key, row] of draft.changes('devices')) all.set(key, row);
  const oldestFirst = Array.from(all, ([key, row]) => ({ key, row }))
    .filter(({ row }) => row?.description === null)
    .sort((a, b) => compareRows(a.row, b.row));
  const spare = Math.max(0, oldestFirst.length - HUB_LIMITS.tombstonesPerNode);
  for (const { key } of oldestFirst.slice(0, spare))
    draft.remove('devices', deviceKey(draft.node, deviceOfKey(key)));
  return spare;
}

function compareRows(a: DeviceRow | null, b: DeviceRow | null): number {
  return a === null || b === null ? 0 : compareVersions(a.version, b.version);
}
