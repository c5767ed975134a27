import type { DeviceDescription, DeviceId, PropertyDescription } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { FIRST_NUMBERING, nextNumberAbove } from '#protocol/numbering.js';
import { NO_VERSION, sameVersion, formatVersion } from '#protocol/twin.js';
import type { Desired, Value, Version } from '#protocol/twin.js';
import { checkValue } from '#protocol/value-check.js';
import type { Draft, Rows } from '../store/node-rows.js';
import { deviceKey, propertyKey } from '../store/tables.js';
import type { DesiredRecord } from '../store/tables.js';
import type { DesiredRequest } from './judgement.js';

/**
 * A desired value from the cloud. Throws EDGE_NO_DEVICE, EDGE_NO_PROPERTY, EDGE_READ_ONLY,
 * EDGE_TYPE, EDGE_RANGE, EDGE_LIMIT, or EDGE_CONFLICT.
 */
export function judgeDesired(
  draft: Draft,
  request: DesiredRequest,
  hubBoot: string,
  wallMs: number,
): Desired {
  const { device, property, ifVersion, actor } = request;
  const value = writableValue(draft, draft.node, device, property, request.value);
  const present =
    draft.get('desired', propertyKey(draft.node, device, property))?.version ?? NO_VERSION;
  if (ifVersion !== undefined && !sameVersion(present, ifVersion))
    throw new EdgeError(
      'EDGE_CONFLICT',
      `desired ${device} ${property} has version ${formatVersion(present)}, not ${formatVersion(ifVersion)}`,
      { hint: 'Read it again, then decide.' },
    );
  return putDesired(draft, hubBoot, device, property, { value, actor, at: wallMs });
}

/** Gives the value the node's next number: the only way a desired value comes to be. */
export function putDesired(
  draft: Draft,
  hubBoot: string,
  device: DeviceId,
  property: string,
  content: Omit<DesiredRecord, 'version'>,
): Desired {
  const record: DesiredRecord = { ...content, version: nextVersion(draft, hubBoot) };
  draft.put('desired', propertyKey(draft.node, device, property), record);
  return plainDesired(record);
}

/** The node's next version of the desired side, with a number above `floor`. */
export function nextVersion(draft: Draft, hubBoot: string, floor = 0): Version {
  const before = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  const numbering = nextNumberAbove(before, hubBoot, floor);
  draft.put('numberings', draft.node, numbering);
  return { gen: draft.get('nodes', draft.node)?.hubGen ?? 1, n: numbering.value };
}

/** The same value under a new number, which says so: local writes based on it stand. */
export function renumber(
  draft: Draft,
  hubBoot: string,
  device: DeviceId,
  property: string,
  record: DesiredRecord,
): void {
  const since = record.since ?? record.version;
  putDesired(draft, hubBoot, device, property, { ...record, since });
}

/** The same values under new numbers: a resend under the old ones would be ignored (hole H30). */
export function renumberDesired(draft: Draft, hubBoot: string, device: DeviceId): string[] {
  const description = draft.get('devices', deviceKey(draft.node, device))?.description;
  const renumbered: string[] = [];
  for (const { name } of description?.properties ?? []) {
    const record = draft.get('desired', propertyKey(draft.node, device, name));
    if (record === undefined) continue;
    renumber(draft, hubBoot, device, name, record);
    renumbered.push(name);
  }
  return renumbered;
}

/** The value as the property holds it, or an EdgeError that says why it may not be written. */
export function writableValue(
  rows: Rows,
  node: string,
  device: DeviceId,
  property: string,
  value: Value,
): Value {
  const description = rows.get('devices', deviceKey(node, device))?.description;
  const described = describedProperty(description ?? undefined, device, property);
  if (described.access === 'ReadOnly')
    throw new EdgeError('EDGE_READ_ONLY', `${device} ${property} is read-only`, {
      hint: 'Only properties of accessMode ReadWrite take a desired value.',
    });
  return checkValue(described, value);
}

export function plainDesired({ version, value, origin }: DesiredRecord): Desired {
  return { version, value, ...(origin === undefined ? {} : { origin }) };
}

function describedProperty(
  description: DeviceDescription | undefined,
  device: DeviceId,
  property: string,
): PropertyDescription {
  if (description === undefined)
    throw new EdgeError('EDGE_NO_DEVICE', `no device ${device}`, {
      hint: 'List the devices: its gateway announces it once it has connected.',
    });
  const described = description.properties.find(({ name }) => name === property);
  if (described !== undefined) return described;
  throw new EdgeError('EDGE_NO_PROPERTY', `device ${device} has no property ${property}`, {
    hint: `It has: ${description.properties
      .map(({ name }) => name)
      .slice(0, 20)
      .join(', ')}.`,
  });
}
