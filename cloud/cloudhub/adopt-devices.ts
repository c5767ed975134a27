import { describeDevice } from '#protocol/device.js';
import type { DeviceDescription, DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { readHubDocuments } from '#protocol/hub-device.js';
import { LIMITS } from '#protocol/limits.js';
import type { Adopt, HubDeviceRow } from '#protocol/sync-message-desired.js';
import { compareVersions, sameVersion } from '#protocol/twin.js';
import { isLive } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { deviceKey, deviceOfKey, propertyKey } from '../store/tables.js';
import type { HubDeviceRecord } from '../store/tables.js';
import { eraOf } from './adoption-era.js';
import type { AdoptionMarks } from './adoption-era.js';
import type { Authorizer } from './authorizer.js';
import { nextVersion } from './desired-values.js';
import { liveDevices } from './judge-announce.js';
import { putDevice } from './judge-devices.js';
import { count, send } from './judgement.js';
import type { DownlinkNews, Effect, OpenSession } from './judgement.js';

export interface AdoptedDevices {
  readonly rejects: readonly { readonly device: DeviceId; readonly code: string }[];
  readonly effects: readonly Effect[];
  readonly downlink: readonly DownlinkNews[];
  readonly claims: readonly DeviceId[];
}

interface Context {
  readonly authorizer: Authorizer;
  readonly hubBoot: string;
  readonly wallMs: number;
}

/**
 * Section 4.7 for devices: existence is merged by the newest number, as values are. What this hub
 * did since it was restored stands, under a new number; what only the gateway knows is taken over,
 * tombstones too; absence deletes nothing. Values of a device that was unknown were refused: they
 * are asked for again.
 */
export function adoptDevices(
  draft: Draft,
  session: OpenSession,
  { devices, last }: Adopt,
  marks: AdoptionMarks,
  context: Context,
): AdoptedDevices {
  const mark = marks.adoptMark ?? 0;
  const rejects: { device: DeviceId; code: string }[] = [];
  const effects: Effect[] = [];
  const downlink: DownlinkNews[] = [];
  const claims: DeviceId[] = [];
  const resend: DeviceId[] = [];
  for (const row of devices) {
    const { device } = row;
    const own = draft.get('hubDevices', deviceKey(draft.node, device));
    if (own !== undefined && eraOf(marks, own.version.n) >= eraOf(marks, row.version.n)) {
      if (!isNewer(own, row)) downlink.push(...renumber(draft, device, own, mark, context));
      continue;
    }
    const description = described(draft, row, context.authorizer);
    if (description instanceof EdgeError) {
      rejects.push({ device, code: description.code });
      continue;
    }
    const by = { actor: `adopted:${draft.node}`, at: context.wallMs };
    const { version, incarnation, documents, later } = row;
    const told = { version, incarnation, documents, ...(later === undefined ? {} : { later }) };
    const before = draft.get('devices', deviceKey(draft.node, device));
    if (description === null && before?.hub === undefined) {
      draft.put('hubDevices', deviceKey(draft.node, device), { ...told, ...by });
      continue;
    }
    const wasLive = before !== undefined && isLive(before);
    downlink.push(...putDevice(draft, device, told, description, by));
    if (description === null) {
      if (wasLive) effects.push({ kind: 'device-removed', device });
      continue;
    }
    claims.push(device);
    resend.push(device);
    effects.push({ kind: 'device', device });
  }
  if (last) downlink.push(...settleRest(draft, mark, context));
  if (resend.length > 0)
    effects.push(send(session.id, { kind: 'resend', epoch: session.epoch, devices: resend }));
  return {
    rejects,
    effects: [...effects, count('hubDevicesAdopted', claims.length)],
    downlink,
    claims,
  };
}

/** The gateway takes this hub's row as it is, or has it. */
function isNewer(own: HubDeviceRecord, row: HubDeviceRow): boolean {
  const order = compareVersions(own.version, row.version);
  return order > 0 || (order === 0 && own.documents === row.documents);
}

function described(
  draft: Draft,
  { device, documents }: HubDeviceRow,
  authorizer: Authorizer,
): DeviceDescription | null | EdgeError {
  if (documents === null) return null;
  if (authorizer.isForeign(device))
    return new EdgeError('EDGE_DEVICE_TAKEN', `${device} belongs to another node`);
  const before = draft.get('devices', deviceKey(draft.node, device));
  const isNew = before === undefined || !isLive(before);
  if (isNew && liveDevices(draft) >= LIMITS.devicesPerNode)
    return new EdgeError('EDGE_LIMIT', 'too many devices');
  try {
    return describeDevice(readHubDocuments(device, documents));
  } catch (thrown) {
    return EdgeError.from(thrown);
  }
}

/** The same device under a number that goes over the gateway's; its life too, if that is in doubt. */
function renumber(
  draft: Draft,
  device: DeviceId,
  own: HubDeviceRecord,
  mark: number,
  { hubBoot }: Context,
): DownlinkNews[] {
  const version = nextVersion(draft, hubBoot);
  const incarnation = own.incarnation.n > mark ? version : own.incarnation;
  const { documents, later, actor, at } = own;
  const description = draft.get('devices', deviceKey(draft.node, device))?.description ?? null;
  if (documents === null || description === null) {
    draft.put('hubDevices', deviceKey(draft.node, device), { ...own, version });
    return [{ kind: 'device', device }];
  }
  const kept = sameVersion(incarnation, own.incarnation)
    ? []
    : desiredOf(draft, device, description);
  const told = { version, incarnation, documents, ...(later === undefined ? {} : { later }) };
  const news = putDevice(draft, device, told, description, { actor, at });
  // What was asked of it here since stands as well.
  for (const { key, row } of kept) draft.put('desired', key, row);
  return news;
}

function desiredOf(draft: Draft, device: DeviceId, { properties }: DeviceDescription) {
  return properties.flatMap(({ name }) => {
    const key = propertyKey(draft.node, device, name);
    const row = draft.get('desired', key);
    return row === undefined ? [] : [{ key, row }];
  });
}

/** Created or deleted here since the restore: numbers of a history that the gateway has left. */
function settleRest(draft: Draft, mark: number, context: Context): DownlinkNews[] {
  const gen = draft.get('nodes', draft.node)?.hubGen ?? 1;
  const news: DownlinkNews[] = [];
  for (const key of draft.base.all('hubDevices').keys()) {
    const own = draft.get('hubDevices', key);
    if (own === undefined || own.version.n <= mark || own.version.gen >= gen) continue;
    // Taken over from the gateway in this adoption, or in a part of it that was cut off.
    if (own.actor.startsWith('adopted:')) continue;
    news.push(...renumber(draft, deviceOfKey(key), own, mark, context));
  }
  return news;
}
