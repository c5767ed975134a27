import type { Property } from '#protocol/device.js';
import { EdgeError, isErrorCode } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import type { Reading } from '#protocol/mapper-port.js';
import { formatVersion, parseVersion, type Value, type Version } from '#protocol/twin.js';
import { formatText } from '#protocol/value-check.js';
import { parseBoundedJson, valueProblem } from '#protocol/value-check-json.js';

/** What the gateway says of one property, in KubeEdge's payloads (docs/mappers.md). */
export interface TwinProperty {
  readonly expected?: { readonly text: string; readonly version?: Version };
  /** Label of the newest reading that the gateway has. */
  readonly appliedVersion?: Version;
}

export interface TwinPayload {
  readonly eventId: string;
  readonly twin: ReadonlyMap<string, TwinProperty>;
  /** Set when the gateway refused the event that carries this id. */
  readonly error?: EdgeError;
}

/** Envelope and twin around a value. */
const PAYLOAD_DEPTH = LIMITS.jsonDepth + 5;

/** Text that is always smaller than the limit on payloads: readings are checked values. */
export function formatReport(
  eventId: string,
  timestamp: number,
  readings: readonly Reading[],
): string {
  const twin = Object.fromEntries(
    readings.map(({ property, value, quality, reason, timestamp: at, appliedVersion }) => [
      property,
      {
        actual: {
          value: value === null ? '' : formatText(value),
          metadata: {
            timestamp: at,
            quality,
            ...(reason === undefined ? {} : { reason }),
            appliedVersion: formatVersion(appliedVersion),
          },
        },
      },
    ]),
  );
  return JSON.stringify({ event_id: eventId, timestamp, twin });
}

/** Reads `twin/update/result`, `twin/update/delta` and `twin/get/result`; undefined for anything else. */
export function parseTwinPayload(
  payload: Uint8Array,
  properties: readonly Property[],
): TwinPayload | undefined {
  const body = parse(payload);
  if (body === undefined) return undefined;
  const id = own(body, 'event_id');
  const twin = new Map<string, TwinProperty>();
  const given = asMap(own(body, 'twin'));
  for (const { name } of given === undefined ? [] : properties) {
    const property = asMap(own(given ?? {}, name));
    if (property !== undefined) twin.set(name, twinProperty(property));
  }
  const error = refusal(body);
  return {
    eventId: typeof id === 'string' ? id : '',
    twin,
    ...(error === undefined ? {} : { error }),
  };
}

export interface CommandPayload {
  readonly id: string;
  readonly method: string;
  readonly args: Value;
  /** Milliseconds that are left of its time. */
  readonly ttlMs: number;
}

/** Reads `command`; undefined for anything else. */
export function parseCommandPayload(payload: Uint8Array): CommandPayload | undefined {
  const body = parse(payload);
  if (body === undefined) return undefined;
  const [id, method, ttlMs] = [own(body, 'event_id'), own(body, 'method'), own(body, 'ttl')];
  const args = own(body, 'args') ?? null;
  if (typeof id !== 'string' || typeof method !== 'string') return undefined;
  if (typeof ttlMs !== 'number' || valueProblem(args) !== undefined) return undefined;
  return { id, method, args: args as Value, ttlMs };
}

function twinProperty(property: Readonly<Record<string, unknown>>): TwinProperty {
  const expected = asMap(own(property, 'expected'));
  const text = expected === undefined ? undefined : own(expected, 'value');
  const version = versionIn(expected, 'version');
  const appliedVersion = versionIn(asMap(own(property, 'actual')), 'appliedVersion');
  return {
    ...(typeof text === 'string'
      ? { expected: { text, ...(version === undefined ? {} : { version }) } }
      : {}),
    ...(appliedVersion === undefined ? {} : { appliedVersion }),
  };
}

function versionIn(
  side: Readonly<Record<string, unknown>> | undefined,
  key: string,
): Version | undefined {
  const metadata = side === undefined ? undefined : asMap(own(side, 'metadata'));
  const text = metadata === undefined ? undefined : own(metadata, key);
  return typeof text === 'string' ? parseVersion(text) : undefined;
}

function refusal(body: Readonly<Record<string, unknown>>): EdgeError | undefined {
  const [code, error, reason] = [own(body, 'code'), own(body, 'error'), own(body, 'reason')];
  if (code === undefined && error === undefined) return undefined;
  const known = typeof error === 'string' && isErrorCode(error) ? error : 'EDGE_PROTOCOL';
  const why = typeof reason === 'string' ? reason.slice(0, LIMITS.textChars) : 'refused';
  return new EdgeError(known, why, { remote: true });
}

function parse(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return asMap(parseBoundedJson(text, PAYLOAD_DEPTH));
  } catch {
    return undefined;
  }
}

function own(map: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
