import type { DeviceId } from './device.js';
import { isDeviceId, isPropertyName } from './name.js';
import type { TakenAt } from './taken-at.js';
import type { Quality, Value } from './twin.js';

/** One report of a property with history, as both ends keep it. */
export interface Sample {
  readonly device: DeviceId;
  readonly property: string;
  /** Counter of the device's incarnation: numbers never restart, so the generation adds nothing. */
  readonly life: number;
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  /** Its time is of a clock that was not known to be right. */
  readonly taken?: TakenAt;
}

/** What every kept line of a property begins with. */
export function samplePrefix(device: DeviceId, property: string): string {
  return `${device} ${property} `;
}

/**
 * `device property life value`, the value as JSON; what is not plainly good has a mark that no JSON
 * begins with (`u` uncertain, `b` bad, `g`) before `[value, reason]`; a time that is not known to be right adds its
 * quality, the boot and milliseconds since. Names have no spaces, JSON no line breaks.
 */
export function encodeSample(sample: Sample): string {
  const { device, property, life, value, quality, reason, taken } = sample;
  const time = taken && [taken.quality, ...(taken.since ? [taken.since.boot, taken.since.ms] : [])];
  const isPlain = quality === 'good' && reason === undefined && time === undefined;
  const tail = isPlain
    ? JSON.stringify(value)
    : `${MARKS[quality]}${JSON.stringify([value, reason ?? null, ...(time ?? [])])}`;
  return `${samplePrefix(device, property)}${life} ${tail}`;
}

/** Undefined for a line that `encodeSample` does not write. */
export function decodeSample(line: string): Sample | undefined {
  const [first, second] = [line.indexOf(' '), line.indexOf(' ', line.indexOf(' ') + 1)];
  const third = line.indexOf(' ', second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const device = line.slice(0, first);
  const property = line.slice(first + 1, second);
  const life = Number(line.slice(second + 1, third));
  if (!isDeviceId(device) || !isPropertyName(property) || !Number.isSafeInteger(life))
    return undefined;
  const read = readTail(line.slice(third + 1));
  return read === undefined ? undefined : { device, property, life, ...read };
}

const MARKS: Readonly<Record<Quality, string>> = { good: 'g', uncertain: 'u', bad: 'b' };

function readTail(
  tail: string,
): Pick<Sample, 'value' | 'quality' | 'reason' | 'taken'> | undefined {
  const quality = QUALITY_OF.get(tail[0] ?? '');
  try {
    if (quality === undefined) return { value: JSON.parse(tail) as Value, quality: 'good' };
    const [value, reason, ...time] = JSON.parse(tail.slice(1)) as readonly [Value, string | null];
    const taken = takenAt(time);
    return {
      ...{ value, quality },
      ...(reason === null ? {} : { reason }),
      ...(taken === undefined ? {} : { taken }),
    };
  } catch {
    return undefined;
  }
}

function takenAt([quality, boot, ms]: readonly unknown[]): TakenAt | undefined {
  if (quality !== 'floor' && quality !== 'unknown') return undefined;
  if (typeof boot !== 'string' || typeof ms !== 'number') return { quality };
  return { quality, since: { boot, ms } };
}

const QUALITY_OF = new Map(
  Object.entries(MARKS).map(([quality, mark]) => [mark, quality as Quality]),
);
