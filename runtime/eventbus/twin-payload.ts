import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { ErrorCode } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import { formatVersion, NO_VERSION, sameVersion } from '#protocol/twin.js';
import type { Desired, Reported, Value } from '#protocol/twin.js';
import { formatText } from '#protocol/value-check.js';
import { parseBoundedJson } from '#protocol/value-check-json.js';
import type { PropertyView, TwinView } from '../devicetwin/twin-access.js';

/**
 * KubeEdge's payloads (edge/pkg/devicetwin/dttype), read and written. Values are text there; ours
 * come with their version, quality and time beside them. Pure.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Envelope and twin of an update: deeper than a value by these levels. */
const BODY_DEPTH = LIMITS.jsonDepth + 5;

export function readBody(payload: Uint8Array): JsonObject {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
  const body = parseBoundedJson(text, BODY_DEPTH);
  if (!isObject(body)) throw new EdgeError('EDGE_MALFORMED', 'the payload is not a JSON object');
  return body;
}

/** How far into a broken payload an event id is looked for. */
const SEARCHED_BYTES = 4096;
const EVENT_ID = /"event_id"\s*:\s*"([^"\\]{0,512})"/;

/** The sender's id of this event, also out of broken JSON; empty when there is none. */
export function findEventId(payload: Uint8Array, body?: JsonObject): string {
  if (body === undefined)
    return EVENT_ID.exec(Buffer.from(payload.subarray(0, SEARCHED_BYTES)).toString())?.[1] ?? '';
  const id = field(body, 'event_id');
  if (typeof id === 'number') return String(id);
  return typeof id === 'string' ? id.slice(0, LIMITS.textChars) : '';
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property: a payload must not reach what it inherits. */
export function field(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** HTTP-like codes as KubeEdge uses them, 413 added. */
export function statusOf(code: ErrorCode): number {
  if (code === 'EDGE_NO_DEVICE' || code === 'EDGE_NO_PROPERTY' || code === 'EDGE_NO_NODE')
    return 404;
  if (code === 'EDGE_FORBIDDEN') return 403;
  if (code === 'EDGE_LIMIT') return 413;
  if (code === 'EDGE_CONFLICT') return 409;
  return code === 'EDGE_STORAGE' || code === 'EDGE_STORAGE_CORRUPT' || code === 'EDGE_INTERNAL'
    ? 500
    : 400;
}

export interface Envelope {
  readonly event_id: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

export function errorPayload(envelope: Envelope, error: EdgeError): JsonObject {
  const { code, message, hint } = error;
  return {
    ...envelope,
    code: statusOf(code),
    reason: hint === undefined ? message : `${message}. ${hint}`,
    error: code,
  };
}

export function twinPayload(envelope: Envelope, views: readonly PropertyView[]): JsonObject {
  return { ...envelope, twin: byName(views, (view) => msgTwin(view)) };
}

export type PropertyChange =
  | { readonly view: PropertyView; readonly reportedBefore: Reported | undefined }
  | { readonly view: PropertyView; readonly desiredBefore: Desired | undefined };

export function documentPayload(
  envelope: Envelope,
  changes: readonly PropertyChange[],
): JsonObject {
  const twin = Object.fromEntries(
    changes.map((change) => [
      change.view.property.name,
      { last: lastTwin(change), current: msgTwin(change.view) },
    ]),
  );
  return { ...envelope, twin };
}

/**
 * Every property with an expected value, and of these the ones that the device has yet to take.
 * Undefined when it has taken all. `requested` names properties whose desired value has just
 * changed: they are listed even when the value is equal, because its version is new.
 */
export function deltaPayload(
  envelope: Envelope,
  twin: TwinView,
  requested: ReadonlySet<string>,
): JsonObject | undefined {
  const wanted = twin.properties.filter((view) => expectedOf(view) !== undefined);
  const open = wanted.filter((view) => {
    const asked = requested.has(view.property.name) && !isTaken(view);
    return asked || textOf(expectedOf(view)) !== textOf(view.reported?.value);
  });
  if (open.length === 0) return undefined;
  return {
    ...envelope,
    twin: byName(wanted, (view) => msgTwin(view)),
    delta: byName(open, (view) => textOf(expectedOf(view))),
  };
}

export interface DeviceState {
  readonly state: string;
  /** Milliseconds since 1970 of the last sign of life; undefined when there was none. */
  readonly lastOnline: number | undefined;
}

export function devicePayload(id: DeviceId, description: string, known: DeviceState): JsonObject {
  return {
    id,
    name: id.slice(id.indexOf('/') + 1),
    description,
    state: known.state,
    last_online: rfc3339(known.lastOnline),
    attributes: {},
  };
}

export function rfc3339(timeMs: number | undefined): string {
  return timeMs === undefined ? '' : new Date(timeMs).toISOString();
}

function isTaken({ desired, reported }: PropertyView): boolean {
  if (desired === undefined || reported === undefined) return false;
  return sameVersion(desired.version, reported.desiredVersion);
}

/** A local write stands until the hub has decided on it. */
function expectedOf(view: PropertyView): Value | undefined {
  return view.pendingLocal ?? view.desired?.value;
}

interface Shown {
  readonly property: PropertyView['property'];
  readonly reported?: Reported | undefined;
  readonly desired?: Desired | undefined;
  readonly pendingLocal?: Value | undefined;
}

function msgTwin({ property, reported, desired, pendingLocal }: Shown): JsonObject {
  const expected = pendingLocal ?? desired?.value;
  // No version on a pending local write: it has none before the hub has given it one.
  const version = pendingLocal === undefined ? desired?.version : undefined;
  const metadata = version === undefined ? {} : { version: formatVersion(version) };
  return {
    ...(expected === undefined ? {} : { expected: { value: textOf(expected), metadata } }),
    ...(reported === undefined ? {} : { actual: actual(reported) }),
    optional: false,
    metadata: { type: property.type },
  };
}

function actual(reported: Reported): JsonObject {
  const { value, version, quality, reason, timestamp, desiredVersion } = reported;
  return {
    value: textOf(value),
    metadata: {
      timestamp,
      version: formatVersion(version),
      quality,
      ...(reason === undefined ? {} : { reason }),
      // A mapper in another process starts from it, and writes nothing a second time.
      ...(sameVersion(desiredVersion, NO_VERSION)
        ? {}
        : { appliedVersion: formatVersion(desiredVersion) }),
    },
  };
}

/** As it was before the change; null when there was nothing. */
function lastTwin(change: PropertyChange): JsonObject | null {
  const { property, reported, desired, pendingLocal } = change.view;
  if ('reportedBefore' in change) {
    if (change.reportedBefore === undefined) return null;
    return msgTwin({ property, reported: change.reportedBefore, desired, pendingLocal });
  }
  if (change.desiredBefore === undefined && reported === undefined) return null;
  return msgTwin({ property, reported, desired: change.desiredBefore });
}

function textOf(value: Value | undefined): string {
  return value === undefined || value === null ? '' : formatText(value);
}

function byName(
  views: readonly PropertyView[],
  render: (view: PropertyView) => unknown,
): JsonObject {
  return Object.fromEntries(views.map((view) => [view.property.name, render(view)]));
}
