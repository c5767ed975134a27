import type { Clock } from '../clock.js';
import { EdgeError, isErrorCode } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import type { ServerEvent } from '../event-stream.js';
import type { DeviceDocument, PropertyDocument } from '../twin-document.js';
import { equalValues, parseVersion } from '../twin.js';
import type { Value } from '../twin.js';
import { formatText } from '../value-check.js';
import type { ControlClient } from './control-client.js';

/** What was set, and what was known before: a value that was there already proves nothing. */
export interface WaitedFor {
  readonly value: Value;
  /** The desired version that it became; absent at the gateway, where the hub has yet to decide. */
  readonly version?: string;
  /** The version of the report before. */
  readonly reportedBefore?: string;
}

/** A write that failed like this is tried again by the gateway. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'EDGE_DEVICE_TIMEOUT',
  'EDGE_DEVICE_CLOSED',
  'EDGE_DEVICE_FRAME',
  'EDGE_NOT_READ',
]);

/** Whether the device holds what was set, by the documents of hub or gateway, one after the other. */
export class TwinWait {
  readonly #wanted: WaitedFor;
  #isTaken = false;
  /** What stood in the way last. */
  obstacle = 'nothing was heard of it';

  constructor(wanted: WaitedFor) {
    this.#wanted = wanted;
  }

  /** True when it does; throws what ends the waiting. */
  isDone(property: PropertyDocument): boolean {
    const { version } = this.#wanted;
    return version === undefined ? this.#atGateway(property) : this.#atHub(property, version);
  }

  /** By the version: the hub calls it in sync when a read-back of that very write says so. */
  #atHub({ desired, state, reason }: PropertyDocument, version: string): boolean {
    if (desired === undefined || isBelow(desired.version, version)) return false;
    if (!equalValues(desired.value, this.#wanted.value)) throw overtaken(desired.value);
    this.obstacle = reason ?? `it is ${state}`;
    if (state === 'failed') this.#fail(reason);
    return state === 'in-sync';
  }

  /** By the next report: a local write has no version before the hub has decided. */
  #atGateway({ desired, reported, pendingLocal }: PropertyDocument): boolean {
    const { value, reportedBefore } = this.#wanted;
    const held = pendingLocal ?? desired?.value;
    const isWanted = held !== undefined && equalValues(held, value);
    // News from before the write may still come.
    if (!isWanted && !this.#isTaken) return false;
    if (!isWanted && held !== undefined) throw overtaken(held);
    if (isWanted) this.#isTaken = true;
    if (reported === undefined || reported.version === reportedBefore) return false;
    this.obstacle = reported.reason ?? `the device holds ${formatText(reported.value)}`;
    return reported.quality === 'good' && equalValues(reported.value, value);
  }

  #fail(reason: string | undefined): void {
    const code = reason !== undefined && isErrorCode(reason) ? reason : 'EDGE_DEVICE_REJECTED';
    if (PASSING.has(code)) return;
    throw new EdgeError(code, 'the device did not take the value', {
      remote: true,
      hint: 'It stays desired, and is written again when the gateway starts.',
    });
  }
}

/**
 * Watches first, sets then, so that no news is missed; resolves when the device holds the value.
 * Rejects with EDGE_TIMEOUT, EDGE_CONFLICT when another value was set meanwhile, or the code by which
 * the device refused it.
 */
export async function waitForTwin(
  client: ControlClient,
  place: { readonly device: string; readonly property: string },
  limits: { readonly withinMs: number; readonly clock: Clock; readonly signal: AbortSignal },
  set: () => Promise<TwinWait>,
): Promise<PropertyDocument> {
  const over = new AbortController();
  const timer = limits.clock.setTimer('twin-wait', limits.withinMs, () => over.abort());
  let wait: TwinWait | undefined;
  try {
    const path = `/api/v1/watch?device=${encodeURIComponent(place.device)}`;
    const either = AbortSignal.any([limits.signal, over.signal]);
    for await (const event of client.events(path, either)) {
      if (wait === undefined) {
        // This piece of news is older than the write.
        wait = await set();
        continue;
      }
      const property = propertyIn(event, place.device, place.property);
      if (property !== undefined && wait.isDone(property)) return property;
    }
  } finally {
    timer.cancel();
    over.abort();
  }
  if (limits.signal.aborted || !over.signal.aborted)
    throw new EdgeError('EDGE_CONNECTION', 'the watch ended before the device had the value');
  throw new EdgeError('EDGE_TIMEOUT', `not in time: ${wait?.obstacle ?? 'no answer'}`, {
    hint: 'The value stays desired: look with `twin get`.',
  });
}

function propertyIn(
  { event, data }: ServerEvent,
  device: string,
  property: string,
): PropertyDocument | undefined {
  const news = data as Partial<{
    devices: readonly DeviceDocument[];
    device: string;
    property: PropertyDocument;
  }>;
  if (event === 'property')
    return news.device === device && news.property?.name === property ? news.property : undefined;
  return news.devices
    ?.find(({ id }) => id === device)
    ?.properties.find(({ name }) => name === property);
}

function isBelow(version: string, other: string): boolean {
  const [a, b] = [parseVersion(version), parseVersion(other)];
  return a !== undefined && b !== undefined && (a.gen - b.gen || a.n - b.n) < 0;
}

function overtaken(value: Value): EdgeError {
  return new EdgeError('EDGE_CONFLICT', `another value was set meanwhile: ${formatText(value)}`, {
    remote: true,
  });
}
