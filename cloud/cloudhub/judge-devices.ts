import { describeDevice } from '#protocol/device.js';
import type { Device, DeviceDescription, DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { readHubDocuments } from '#protocol/hub-device.js';
import { LIMITS } from '#protocol/limits.js';
import { Refusal } from '#protocol/problem.js';
import { equalValues, NO_VERSION } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { HUB_LIMITS } from '../limits.js';
import { isLive } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { deviceKey } from '../store/tables.js';
import type { DeviceRow, HubDeviceRecord } from '../store/tables.js';
import type { Authorizer } from './authorizer.js';
import { nextVersion, putDesired } from './desired-values.js';
import { clearTwin, isSameLife, liveDevices } from './judge-announce.js';
import { count, NOTHING } from './judgement.js';
import type { DownlinkNews, Effect, Judgement, NodeEvent, PutDeviceRequest } from './judgement.js';

export interface DeviceContext {
  readonly authorizer: Authorizer;
  readonly hubBoot: string;
  readonly wallMs: number;
  /** False when a session stands whose gateway takes no devices from a hub. */
  readonly isSupported: boolean;
}

type DeviceEvent = Extract<NodeEvent, { readonly kind: 'put-device' | 'delete-device' }>;

/** A wish of the API: no puts when it changes nothing. */
export function judgeDevice(draft: Draft, event: DeviceEvent, context: DeviceContext): Judgement {
  const judged =
    event.kind === 'put-device'
      ? judgePutDevice(draft, event, context)
      : judgeDeleteDevice(draft, event, context);
  return judged === NOTHING ? NOTHING : { ...judged, puts: draft.puts() };
}

/**
 * Section 4.8 from the hub's side: a device is created, or its documents are replaced. It goes on
 * living if each of its properties does, with its type and access; otherwise it begins a new life
 * with an empty twin, so that no late message of the old one fits. Throws EDGE_DEVICE_TAKEN,
 * EDGE_UNSUPPORTED or EDGE_LIMIT.
 */
function judgePutDevice(
  draft: Draft,
  request: PutDeviceRequest,
  context: DeviceContext,
): Judgement {
  const { device, documents, actor } = request;
  const key = deviceKey(draft.node, device.id);
  const before = draft.get('devices', key);
  const told = draft.get('hubDevices', key);
  checkOwner(draft, device.id, before, context);
  const isNew = before === undefined || !isLive(before);
  if (isNew && liveDevices(draft) >= LIMITS.devicesPerNode)
    throw new EdgeError('EDGE_LIMIT', `${draft.node} has ${LIMITS.devicesPerNode} devices already`);
  if (request.isDryRun || (!isNew && told?.documents === documents)) return NOTHING;

  const description = describeDevice(device);
  const floor = Math.max(before?.incarnation.n ?? 0, told?.incarnation.n ?? 0);
  const version = nextVersion(draft, context.hubBoot, floor);
  const goesOn = !isNew && isSameShape(before.description, description);
  const incarnation = goesOn ? before.incarnation : version;
  const earlier = goesOn ? readStored(device.id, told) : undefined;
  const news = putDevice(draft, device.id, { version, incarnation, documents }, description, {
    actor,
    at: context.wallMs,
  });
  const desired = putDocumentDesired(draft, device, earlier, { ...context, actor });
  return {
    ...NOTHING,
    claims: [device.id],
    effects: [{ kind: 'device', device: device.id }, ...desired],
    downlink: [
      ...news,
      ...desired.map(({ property }) => ({
        ...{ kind: 'changed' as const, device: device.id, property },
      })),
    ],
  };
}

/** Throws EDGE_NO_DEVICE, or EDGE_DEVICE_TAKEN for a device that stands in a file of the gateway. */
function judgeDeleteDevice(
  draft: Draft,
  { device, actor }: { readonly device: DeviceId; readonly actor: string },
  context: DeviceContext,
): Judgement {
  const key = deviceKey(draft.node, device);
  const before = draft.get('devices', key);
  if (before === undefined || !isLive(before))
    throw new EdgeError('EDGE_NO_DEVICE', `no device ${device}`, { hint: 'List the devices.' });
  checkOwner(draft, device, before, context);
  const version = nextVersion(draft, context.hubBoot);
  const { incarnation } = before;
  const news = putDevice(draft, device, { version, incarnation, documents: null }, null, {
    actor,
    at: context.wallMs,
  });
  const forgotten = forgetTombstones(draft);
  return {
    ...NOTHING,
    effects: [{ kind: 'device-removed', device }, count('tombstonesForgotten', forgotten)],
    downlink: news,
  };
}

/** Both rows of a device, and the end of the twin's rows that do not belong to it any more. */
export function putDevice(
  draft: Draft,
  id: DeviceId,
  told: Omit<HubDeviceRecord, 'actor' | 'at'>,
  description: DeviceDescription | null,
  by: Pick<HubDeviceRecord, 'actor' | 'at'>,
): DownlinkNews[] {
  const key = deviceKey(draft.node, id);
  const before = draft.get('devices', key);
  const after: DeviceRow = {
    incarnation: told.incarnation,
    version: before?.version ?? NO_VERSION,
    description,
    hub: told.version,
  };
  clearTwin(draft, id, before, after);
  draft.put('devices', key, after);
  draft.put('hubDevices', key, { ...told, ...by });
  const ends = before !== undefined && isLive(before) && !isSameLife(before, after);
  const forgotten: DownlinkNews[] = ends ? [{ kind: 'forgotten', device: id }] : [];
  return [...forgotten, { kind: 'device', device: id }];
}

function checkOwner(
  draft: Draft,
  id: DeviceId,
  before: DeviceRow | undefined,
  { authorizer, isSupported }: DeviceContext,
): void {
  if (authorizer.isForeign(id))
    throw new EdgeError('EDGE_DEVICE_TAKEN', `${id} belongs to another node`, {
      hint: 'Delete it there first, or choose another name: ids are unique in the fleet.',
    });
  if (before !== undefined && isLive(before) && before.hub === undefined)
    throw new EdgeError('EDGE_DEVICE_TAKEN', `${id} stands in a device file of ${draft.node}`, {
      hint: 'Change it there, or remove it there first; or choose another name.',
    });
  if (!isSupported)
    throw new Refusal(409, 'EDGE_UNSUPPORTED', `the gateway ${draft.node} takes no devices`, {
      hint: 'Update the gateway, or write the device into its files.',
    });
}

function isSameShape(before: DeviceDescription, after: DeviceDescription): boolean {
  if (before.protocol !== after.protocol) return false;
  const later = new Map(after.properties.map((property) => [property.name, property]));
  return before.properties.every(({ name, type, access }) => {
    const property = later.get(name);
    return property?.type === type && property.access === access;
  });
}

function readStored(id: DeviceId, told: HubDeviceRecord | undefined): Device | undefined {
  if (told === undefined || told.documents === null) return undefined;
  try {
    return readHubDocuments(id, told.documents);
  } catch {
    return undefined;
  }
}

/** What the documents ask for is desired, unless they asked for it already. */
function putDocumentDesired(
  draft: Draft,
  device: Device,
  earlier: Device | undefined,
  { hubBoot, wallMs, actor }: { hubBoot: string; wallMs: number; actor: string },
): Extract<Effect, { kind: 'desired' }>[] {
  const changed: Extract<Effect, { kind: 'desired' }>[] = [];
  for (const { name, access, desired: value, reportToCloud } of device.properties) {
    if (value === undefined || access === 'ReadOnly' || !reportToCloud) continue;
    const before = earlier?.properties.find((property) => property.name === name)?.desired;
    if (before !== undefined && equalValues(before, value)) continue;
    putDesired(draft, hubBoot, device.id, name, { value, actor, at: wallMs });
    changed.push({ kind: 'desired', device: device.id, property: name });
  }
  return changed;
}

/** The oldest beyond the limit: a gateway that was away for so many lists what it has. */
function forgetTombstones(draft: Draft): number {
  const ended: { readonly key: string; readonly version: Version }[] = [];
  for (const key of draft.base.all('hubDevices').keys()) {
    const row = draft.get('hubDevices', key);
    if (row?.documents === null) ended.push({ key, version: row.version });
  }
  ended.sort((a, b) => a.version.gen - b.version.gen || a.version.n - b.version.n);
  const spare = Math.max(0, ended.length - HUB_LIMITS.tombstonesPerNode);
  for (const { key } of ended.slice(0, spare)) draft.remove('hubDevices', key);
  return spare;
}
