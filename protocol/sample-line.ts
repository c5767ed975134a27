import type { DeviceId } from './device.js';
import { isDeviceId, isPropertyName } from './name.js';
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
}

/** What every kept line of a property begins with. */
export function samplePrefix(device: DeviceId, property: string): string {
  return `${device} ${property} `;
}

/**
 * `device property life value`, the value as JSON; what is not plainly good has a mark that no JSON
 * begins with (`u` uncertain, `b` bad, `g`) before `[value, reason]`. Names have no spaces, JSON no line breaks.
 */
export function encodeSample({ device, property, life, value, quality, reason }: Sample): string {
  const json = JSON.stringify(value);
  const tail =
    quality === 'good' && reason === undefined
      ? json
      : `${MARKS[quality]}[${json},${JSON.stringify(reason ?? null)}]`;
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

function readTail(tail: string): Pick<Sample, 'value' | 'quality' | 'reason'> | undefined {
  const quality = QUALITY_OF.get(tail[0] ?? '');
  try {
    if (quality === undefined) return { value: JSON.parse(tail) as Value, quality: 'good' };
    const [value, reason] = JSON.parse(tail.slice(1)) as readonly [Value, string | null];
    return { value, quality, ...(reason === null ? {} : { reason }) };
  } catch {
    return undefined;
  }
}

const QUALITY_OF = new Map(
  Object.entries(MARKS).map(([quality, mark]) => [mark, quality as Quality]),
);
