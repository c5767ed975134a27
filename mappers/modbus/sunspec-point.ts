import type { Property } from '#protocol/device.js';
import { didYouMean } from '#protocol/did-you-mean.js';
import type { ConfigReader } from '../config-reader.js';
import { readReportKeys } from '../report-policy.js';
import type { SunSpecModel } from './sunspec.js';
import {
  namesIn,
  pointsOf,
  SUNSPEC_GROUPS,
  SUNSPEC_MODELS,
  type SunSpecGroup,
  type SunSpecPoint,
} from './sunspec-models.js';

/** `meter2.power`: the point `power` of the second model of the group `meter` that has one. */
export interface PointName {
  readonly group: SunSpecGroup;
  /** From 1. */
  readonly number: number;
  readonly name: string;
}

const SPELLING = /^([a-z]+?)([1-9]?)\.([A-Za-z0-9]+)$/;

/** Reads `point` of a visitor; undefined after a fault. */
export function readPoint(property: Property, reader: ConfigReader): PointName | undefined {
  const text = reader.text('point') ?? '';
  readReportKeys(reader);
  reader.unknownKeys();
  if (property.access === 'ReadWrite')
    reader.issue('point', `of ${property.name} is only read`, 'Make the property ReadOnly.');
  const [, word = '', number, name = ''] = SPELLING.exec(text) ?? [];
  const group = SUNSPEC_GROUPS.find((one) => one === word);
  if (group === undefined) {
    const meant = didYouMean(word, SUNSPEC_GROUPS);
    const known = `Write GROUP.NAME; the groups are ${SUNSPEC_GROUPS.join(', ')}.`;
    reader.issue(
      'point',
      `is ${JSON.stringify(text.slice(0, 40))}, which names no group of points`,
      meant === undefined ? known : `Did you mean ${meant}?`,
    );
    return undefined;
  }
  const names = namesIn(group);
  if (names.includes(name)) return { group, number: Number(number === '' ? 1 : number), name };
  const meant = didYouMean(name, names);
  reader.issue(
    'point',
    `is ${text}, but the group ${group} has no ${name}`,
    meant === undefined ? `It has ${names.slice(0, 24).join(', ')}.` : `Did you mean ${meant}?`,
  );
  return undefined;
}

/** Where a device of this chain has the point; undefined when it has none. */
export function findPoint(
  { group, number, name }: PointName,
  models: readonly SunSpecModel[],
): { readonly point: SunSpecPoint; readonly base: number } | undefined {
  const found = models.flatMap(({ id, offset, length }) => {
    if (SUNSPEC_MODELS.get(id)?.group !== group) return [];
    const point = pointsOf(id, length).find((one) => one.name === name);
    // A model that is shorter than its table does not have what would lie beyond it.
    return point === undefined || point.offset >= length + 2 ? [] : [{ point, base: offset }];
  });
  return found[number - 1];
}
