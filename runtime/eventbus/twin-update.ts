import type { PropertyDescription } from '#protocol/device.js';
import { EdgeError, isErrorCode } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import type { Reading } from '#protocol/mapper-port.js';
import { parseVersion } from '#protocol/twin.js';
import type { Quality, Value, Version } from '#protocol/twin.js';
import { checkValue, parseText } from '#protocol/value-check.js';
import type { PropertyView, TwinView } from '../devicetwin/twin-access.js';
import { field, isObject } from './twin-payload.js';
import type { JsonObject } from './twin-payload.js';

export interface TwinUpdate {
  readonly readings: readonly Reading[];
  readonly writes: readonly { readonly property: string; readonly value: Value }[];
}

/**
 * The body of `twin/update`, checked against the device: all of it is valid or nothing of it is
 * applied. Throws EDGE_MALFORMED, EDGE_NO_PROPERTY, EDGE_TYPE, EDGE_RANGE, EDGE_READ_ONLY,
 * EDGE_LIMIT or EDGE_UNSUPPORTED. Pure.
 */
export function readTwinUpdate(body: JsonObject, twin: TwinView, wallTime: number): TwinUpdate {
  const properties = field(body, 'twin');
  if (!isObject(properties)) throw malformed('`twin` is not an object');
  const names = Object.keys(properties);
  if (names.length === 0) throw malformed('`twin` names no property');
  if (names.length > LIMITS.propertiesPerDevice)
    throw new EdgeError('EDGE_LIMIT', `more than ${LIMITS.propertiesPerDevice} properties`);
  const readings: Reading[] = [];
  const writes: { property: string; value: Value }[] = [];
  for (const name of names) {
    const view = twin.properties.find(({ property }) => property.name === name);
    if (view === undefined)
      throw new EdgeError('EDGE_NO_PROPERTY', `device ${twin.device.id} has no such property`, {
        hint: 'Add it to the device’s model, or correct its name.',
      });
    const change = field(properties, name);
    if (change === null)
      throw new EdgeError('EDGE_UNSUPPORTED', `property ${name} cannot be deleted over MQTT`, {
        hint: 'Remove it from the device’s model.',
      });
    if (!isObject(change)) throw malformed(`property ${name} is not an object`);
    const actual = part(change, 'actual', name);
    const expected = part(change, 'expected', name);
    if (actual === undefined && expected === undefined)
      throw malformed(`property ${name} has neither actual nor expected`);
    if (actual !== undefined) readings.push(readActual(view, actual, wallTime));
    if (expected !== undefined) writes.push(readExpected(view.property, expected));
  }
  return { readings, writes };
}

function part(
  change: JsonObject,
  key: 'actual' | 'expected',
  name: string,
): JsonObject | undefined {
  const found = field(change, key);
  if (found === undefined || found === null) return undefined;
  if (!isObject(found)) throw malformed(`${key} of property ${name} is not an object`);
  return found;
}

function readActual(view: PropertyView, actual: JsonObject, wallTime: number): Reading {
  const { property } = view;
  const metadata = field(actual, 'metadata');
  const about = isObject(metadata) ? metadata : {};
  const quality = readQuality(field(about, 'quality'));
  return {
    property: property.name,
    value: quality === 'bad' ? null : readValue(property, field(actual, 'value')),
    quality,
    ...(quality === 'good' ? {} : { reason: readReason(field(about, 'reason')) }),
    timestamp: readTimestamp(field(about, 'timestamp')) ?? wallTime,
    appliedVersion: readLabel(field(about, 'appliedVersion')) ?? view.applied,
  };
}

function readExpected(
  property: PropertyView['property'],
  expected: JsonObject,
): { property: string; value: Value } {
  const value = readValue(property, field(expected, 'value'));
  if (property.access === 'ReadOnly')
    throw new EdgeError('EDGE_READ_ONLY', `property ${property.name} is read-only`, {
      hint: 'Set accessMode ReadWrite in the model if the device can be written.',
    });
  return { property: property.name, value };
}

/** KubeEdge sends text; numbers and booleans are taken as well, and objects by `json`. */
function readValue(property: PropertyDescription, value: unknown): Value {
  if (value === undefined) throw malformed(`property ${property.name} has no value`);
  return typeof value === 'string' ? parseText(property, value) : checkValue(property, value);
}

function readQuality(quality: unknown): Quality {
  if (quality === undefined) return 'good';
  if (quality === 'good' || quality === 'uncertain' || quality === 'bad') return quality;
  throw malformed('metadata.quality is none of good, uncertain and bad');
}

function readReason(reason: unknown): string {
  return typeof reason === 'string' && isErrorCode(reason) ? reason : 'EDGE_DEVICE_EXCEPTION';
}

/** Milliseconds since 1970; what is none is as good as absent. */
function readTimestamp(timestamp: unknown): number | undefined {
  return typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0
    ? timestamp
    : undefined;
}

/** The label of a mapper over MQTT: the version of the last write that had ended before it read. */
function readLabel(label: unknown): Version | undefined {
  if (label === undefined) return undefined;
  const version = typeof label === 'string' ? parseVersion(label) : undefined;
  if (version === undefined) throw malformed('metadata.appliedVersion is not "gen.n"');
  return version;
}

function malformed(what: string): EdgeError {
  return new EdgeError('EDGE_MALFORMED', what, {
    hint: 'docs/mqtt.md shows the payload of every topic.',
  });
}
