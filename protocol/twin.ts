/** Any JSON value up to LIMITS.valueBytes when encoded (KubeEdge allows 512 characters of a few). */
export type Value =
  null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

export type Quality = 'good' | 'uncertain' | 'bad';

/**
 * A version is a pair, compared lexicographically; never a clock. `gen` is the generation the
 * hub gave to the numbering (a restored backup forks into a new one), `n` a counter that never
 * restarts (docs/sync-protocol.md section 1).
 */
export interface Version {
  readonly gen: number;
  readonly n: number;
}

/** Lower than every version that was ever given. */
export const NO_VERSION: Version = { gen: 0, n: 0 };

export function compareVersions(a: Version, b: Version): number {
  return a.gen - b.gen || a.n - b.n;
}

export function sameVersion(a: Version, b: Version): boolean {
  return a.gen === b.gen && a.n === b.n;
}

/** `"gen.n"`, the form that people and MQTT payloads see. */
export function formatVersion(version: Version): string {
  return `${version.gen}.${version.n}`;
}

export function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text);
  return match === null ? undefined : { gen: Number(match[1]), n: Number(match[2]) };
}

/** What the gateway last knew of a property, numbered by the gateway. */
export interface Reported {
  readonly version: Version;
  readonly value: Value;
  readonly quality: Quality;
  /** An error code, present when the quality is not good. */
  readonly reason?: string;
  /** Wall time of the reading as the gateway believed, milliseconds since 1970. For people only. */
  readonly timestamp: number;
  /** How far that may be believed; absent: the gateway did not say. */
  readonly clock?: TimeQuality;
  /** The desired version whose write had ended before this reading STARTED; NO_VERSION if none. */
  readonly desiredVersion: Version;
}

/**
 * How far a wall time of a gateway may be believed: `synced` agrees with its hub's clock, `unknown`
 * is of a clock that nobody confirmed, `floor` is only known not to be later than the truth.
 */
export type TimeQuality = 'synced' | 'floor' | 'unknown';

/** What the cloud (or an accepted local write) wants, numbered by the hub. */
export interface Desired {
  readonly version: Version;
  readonly value: Value;
  /** Id of the local write that became this value, if one did. */
  readonly origin?: Version;
  /** Positions of its row that only a newer peer understands: kept, and given back as they came. */
  readonly later?: readonly unknown[];
}

export type SyncState = 'in-sync' | 'pending' | 'failed' | 'stale';

/**
 * In-sync is exact: the read-back carries this very version AND the values are equal AND the
 * quality is good AND the reading is fresh (docs/sync-protocol.md section 4.4). A property that
 * nobody wants anything of is in-sync while it is good and fresh.
 */
export function syncState(
  reported: Reported | undefined,
  desired: Desired | undefined,
  fresh: boolean,
): { state: SyncState; reason?: string } {
  if (reported === undefined) return { state: 'pending' };
  if (desired !== undefined) {
    if (!sameVersion(reported.desiredVersion, desired.version)) return { state: 'pending' };
    if (reported.quality === 'good' && !equalValues(reported.value, desired.value))
      return { state: 'failed', reason: 'EDGE_VALUE_DIFFERS' };
  }
  if (reported.quality === 'bad')
    return { state: 'failed', reason: reported.reason ?? 'EDGE_INTERNAL' };
  if (!fresh || reported.quality === 'uncertain') return { state: 'stale' };
  return { state: 'in-sync' };
}

/** Deep equality of JSON values; the order of object keys does not count. */
export function equalValues(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isList(a) || isList(b)) {
    if (!isList(a) || !isList(b) || a.length !== b.length) return false;
    return a.every((item, index) => equalValues(item, b[index] ?? null));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && equalValues(a[key] ?? null, b[key] ?? null));
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
