import type { DeviceId } from './device.js';
import { LIMITS } from './limits.js';
import { trimmed } from './message-codec-fields.js';
import type { Fields } from './message-codec-fields.js';
import type { DesiredRow } from './sync-message-desired.js';
import type { Quality, TimeQuality, Version } from './twin.js';

/** The order is the wire format: add at the end. */
export const QUALITIES: readonly Quality[] = ['good', 'uncertain', 'bad'];

/** The order is the wire format: add at the end. */
const CLOCKS: readonly TimeQuality[] = ['synced', 'floor', 'unknown'];

interface Timed {
  readonly clock?: TimeQuality;
}

/** What a message says once for its rows: the clock of the first, if each row has one. */
export function commonClock(rows: readonly Timed[]): TimeQuality | undefined {
  return rows.every(({ clock }) => clock !== undefined) ? rows[0]?.clock : undefined;
}

/** The clock of a row that is not the common one, as its last position. */
export function ownClock({ clock }: Timed, common: TimeQuality | undefined): number | null {
  return clock === common || clock === undefined ? null : CLOCKS.indexOf(clock);
}

/** What follows the rows of a message, or nothing. */
export function writeClock(common: TimeQuality | undefined): readonly number[] {
  return common === undefined ? [] : [CLOCKS.indexOf(common)];
}

/** A label for people: what only a newer peer can tell apart is not known here. */
export function readClock(fields: Fields): TimeQuality | undefined {
  const index = fields.optionalCount();
  return index === undefined ? undefined : (CLOCKS[index] ?? 'unknown');
}

/** Gives the rows that do not say their own the clock that follows them. */
export function withClock<R extends Timed>(rows: readonly R[], fields: Fields): readonly R[] {
  const common = readClock(fields);
  if (common === undefined) return rows;
  return rows.map((row) => (row.clock === undefined ? { ...row, clock: common } : row));
}

export function writeDesiredRows(rows: readonly DesiredRow[]): unknown[] {
  return groups(rows, ({ property, version, value, origin, since, later }) => {
    const known = [property, version.gen, version.n, value, ...pair(origin), ...pair(since)];
    if (later !== undefined) return [...known, ...later];
    return trimmed(known, [null, null, null, null]);
  });
}

export function readDesiredRows(fields: Fields): DesiredRow[] {
  return readGroups<DesiredRow>(fields, (device, incarnation, row) => {
    const property = row.property();
    const version = row.version();
    const value = row.value();
    const origin = row.optionalVersion();
    const since = row.optionalVersion();
    const later = row.later();
    return {
      ...{ device, incarnation, property, version, value },
      ...(origin === undefined ? {} : { origin }),
      ...(since === undefined ? {} : { since }),
      ...(later === undefined ? {} : { later }),
    };
  });
}

function pair(version: Version | undefined): readonly (number | null)[] {
  return version === undefined ? [null, null] : [version.gen, version.n];
}

interface DeviceRow {
  readonly device: DeviceId;
  readonly incarnation: Version;
}

/** `[device, gen, n, [row, ...]]` for each run of rows of one device: the order of rows is kept. */
export function groups<R extends DeviceRow>(
  rows: readonly R[],
  write: (row: R) => readonly unknown[],
): unknown[] {
  const written: unknown[] = [];
  let last: { row: R; members: unknown[] } | undefined;
  for (const row of rows) {
    const { device, incarnation } = row;
    if (last?.row.device !== device || !same(last.row.incarnation, incarnation)) {
      last = { row, members: [] };
      written.push([device, incarnation.gen, incarnation.n, last.members]);
    }
    last.members.push(write(row));
  }
  return written;
}

export function readGroups<R>(
  fields: Fields,
  read: (device: DeviceId, incarnation: Version, row: Fields) => R,
): R[] {
  const rows: R[] = [];
  fields.list(LIMITS.messageRows, (group) => {
    const device = group.device();
    const incarnation = group.version();
    const left = LIMITS.messageRows - rows.length;
    rows.push(...group.list(left, (row) => read(device, incarnation, row), 'row'));
  });
  return rows;
}

function same(a: Version, b: Version): boolean {
  return a.gen === b.gen && a.n === b.n;
}
