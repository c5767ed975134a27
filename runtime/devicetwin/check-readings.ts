import type { Clock } from '#protocol/clock.js';
import type { DeviceId, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import type { Reading, ReportBatch } from '#protocol/mapper-port.js';
import type { DatingClock } from '#protocol/taken-at.js';
import { checkValue } from '#protocol/value-check.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { DatedReading } from './twin-event.js';

/** A clock that may not tell how far it is to be believed: then it is. */
export type ReportClock = Clock & Partial<DatingClock>;

/** The readings of a report as they may be stored. Throws also EDGE_LIMIT and EDGE_NO_PROPERTY. */
export function checkedReadings(
  { device, readings }: ReportBatch,
  properties: ReadonlyMap<string, Property>,
  clock: ReportClock,
): readonly DatedReading[] {
  if (readings.length > GATEWAY_LIMITS.readingsPerReport)
    throw new EdgeError('EDGE_LIMIT', `a report of ${readings.length} readings`, {
      hint: `Send at most ${GATEWAY_LIMITS.readingsPerReport} in one report.`,
    });
  return readings.map((reading) => {
    const checked = checkedReading(knownProperty(properties, device, reading.property), reading);
    const taken = clock.dating?.(reading.timestamp);
    return taken === undefined ? checked : { ...checked, taken };
  });
}

export function knownProperty(
  properties: ReadonlyMap<string, Property>,
  device: DeviceId,
  name: string,
): Property {
  const property = properties.get(name);
  if (property !== undefined) return property;
  throw new EdgeError('EDGE_NO_PROPERTY', `${device} has no property ${name}`, {
    hint: `It has ${[...properties.keys()].slice(0, 8).join(', ')}.`,
  });
}

/**
 * A reading as it may be stored, or EDGE_TYPE or EDGE_LIMIT. A value outside the declared range
 * is kept and marked: quality bad, reason EDGE_OUT_OF_RANGE, never a silent number.
 */
function checkedReading(property: Property, reading: Reading): Reading {
  const { quality, reason, timestamp } = reading;
  if (reason !== undefined && reason.length > LIMITS.textChars)
    throw new EdgeError('EDGE_LIMIT', `${property.name}: reason of ${reason.length} characters`, {
      hint: `Send an error code of at most ${LIMITS.textChars} characters.`,
    });
  if (!Number.isFinite(timestamp))
    throw new EdgeError('EDGE_TYPE', `${property.name}: the timestamp is no number`, {
      hint: 'Send milliseconds since 1970.',
    });
  if (reading.value === null && quality === 'bad') return reading;
  try {
    return { ...reading, value: checkValue(property, reading.value) };
  } catch (error) {
    if (!(error instanceof EdgeError) || error.code !== 'EDGE_RANGE') throw error;
    const { name, type } = property;
    const value = checkValue({ name, type }, reading.value);
    return { ...reading, value, quality: 'bad', reason: 'EDGE_OUT_OF_RANGE' };
  }
}
