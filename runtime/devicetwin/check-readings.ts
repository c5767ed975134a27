import type { Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import type { Reading } from '#protocol/mapper-port.js';
import { checkValue } from '#protocol/value-check.js';

/**
 * A reading as it may be stored, or EDGE_TYPE or EDGE_LIMIT. A value outside the declared range
 * is kept and marked: quality bad, reason EDGE_OUT_OF_RANGE, never a silent number.
 */
export function checkedReading(property: Property, reading: Reading): Reading {
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
