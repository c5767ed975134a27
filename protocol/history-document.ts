import type { DeviceId } from './device.js';
import { EdgeError } from './errors.js';
import { decodeSample } from './sample-line.js';
import type { Sample } from './sample-line.js';
import { dated } from './taken-at.js';
import type { LearntBoot } from './taken-at.js';
import { isoTime } from './twin-document.js';
import type { Quality, TimeQuality, Value } from './twin.js';

/** Samples on a page: without a wish, and at most. */
export const HISTORY_PAGE_DEFAULT = 100;
export const HISTORY_PAGE_MAX = 1_000;

/** A sample as an end has kept it. */
export interface KeptSample extends Omit<Sample, 'taken'> {
  /** Where it stands in this end's history: rises in the order in which samples came. */
  readonly n: number;
  /** Wall time of the reading as the gateway believed, milliseconds since 1970. */
  readonly timestamp: number;
  /** How far it may be believed. */
  readonly clock: TimeQuality;
}

/** A kept line as a sample, with the time that is known by now; undefined: it is none. */
export function keptSample(
  { n, time, text }: { readonly n: number; readonly time: number; readonly text: string },
  learnt: readonly LearntBoot[] = [],
): KeptSample | undefined {
  const sample = decodeSample(text);
  if (sample === undefined) return undefined;
  const { taken, ...rest } = sample;
  return { ...rest, n, ...dated(time, taken, learnt) };
}

export interface HistoryQuestion {
  readonly device: DeviceId;
  readonly property: string;
  /** Wall times of the readings, milliseconds since 1970, inclusive. */
  readonly from: number;
  readonly to: number;
  /** Only samples above this place; 0: all. */
  readonly after: number;
  readonly limit: number;
}

export interface HistoryPage {
  readonly samples: readonly KeptSample[];
  /** There may be more above this place, also when `samples` is empty. */
  readonly next?: number;
}

/** A page as JSON: what both REST interfaces serve and both command lines print. */
export interface HistoryDocument {
  readonly samples: readonly SampleDocument[];
  readonly next?: string;
}

export interface SampleDocument {
  /** Absent when the gateway sent a time that no calendar has. */
  readonly timestamp?: string;
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  /** The time may be wrong. Absent when it is right, or the gateway did not say. */
  readonly clock?: Exclude<TimeQuality, 'synced'>;
}

/**
 * What a query asks for; each part of it is text from outside. A time with a minus is a length of
 * time before `nowMs`, the wall time of whoever answers. Throws EDGE_MALFORMED.
 */
export function historyQuestion(
  device: DeviceId,
  property: string,
  query: Readonly<Partial<Record<'from' | 'to' | 'after' | 'limit', string>>>,
  nowMs: number,
): HistoryQuestion {
  const limit = whole('limit', query.limit ?? String(HISTORY_PAGE_DEFAULT));
  if (limit === 0) throw malformed('limit', 'a number from 1 on');
  return {
    device,
    property,
    from: query.from === undefined ? 0 : timeOf('from', query.from, nowMs),
    to: query.to === undefined ? Infinity : timeOf('to', query.to, nowMs),
    after: whole('after', query.after ?? '0'),
    limit: Math.min(limit, HISTORY_PAGE_MAX),
  };
}

export function historyDocument({ samples, next }: HistoryPage): HistoryDocument {
  return {
    samples: samples.map(sampleDocument),
    ...(next === undefined ? {} : { next: String(next) }),
  };
}

function sampleDocument(sample: KeptSample): SampleDocument {
  const { value, quality, reason, timestamp: at, clock } = sample;
  const timestamp = isoTime(at);
  return {
    ...(timestamp === undefined ? {} : { timestamp }),
    value,
    quality,
    ...(reason === undefined ? {} : { reason }),
    ...(clock === 'synced' ? {} : { clock }),
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Text from outside as wall time; a day without a time begins at midnight UTC. Throws EDGE_MALFORMED. */
export function timeOf(name: string, text: string, nowMs: number): number {
  const ms = RFC_3339.test(text)
    ? Date.parse(text)
    : text.startsWith('-')
      ? nowMs - lengthOf(text.slice(1))
      : /^\d{1,15}$/.test(text)
        ? Number(text)
        : NaN;
  if (Number.isFinite(ms)) return ms;
  throw malformed(name, 'a time: 2026-01-31T12:00:00Z, 2026-01-31, -12h, or ms since 1970');
}

function lengthOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return count === undefined ? NaN : Number(count) * (UNIT_MS[unit] ?? NaN);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function whole(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw malformed(name, 'a whole number');
}

function malformed(name: string, form: string): EdgeError {
  return new EdgeError('EDGE_MALFORMED', `?${name}= is not ${form}`);
}
