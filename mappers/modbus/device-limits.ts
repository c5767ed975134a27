import type { ConfigReader } from '../config-reader.js';
import { READ_MAX } from './frame.js';

/** What a device can take, as its documentation says. */
export interface DeviceLimits {
  /** Registers and bits of one read. */
  readonly maxRegisters: number;
  readonly maxBits: number;
  /** Registers that may be read along to save a request; undefined: what is cheaper. */
  readonly maxGap?: number;
  /** Milliseconds of silence before a request, beyond what the line needs. */
  readonly silenceMs?: number;
  /** Most requests under way on a TCP connection. */
  readonly depth?: number;
  /** Ranges with a maximum of their own; a read never leaves the range that it begins in. */
  readonly ranges: readonly RegisterRange[];
}

export interface RegisterRange {
  readonly from: number;
  /** The last address of the range. */
  readonly to: number;
  readonly maxRegisters: number;
}

const RANGES_MAX = 64;
const DEPTH_MAX = 16;
const SILENCE_MAX_MS = 1_000;

/** Reads `maxRegisters`, `maxBits`, `maxGap`, `silence`, `window` and `ranges`. */
export function readDeviceLimits(reader: ConfigReader): DeviceLimits {
  const maxRegisters = reader.integer('maxRegisters', 1, READ_MAX.registers, READ_MAX.registers);
  const maxBits = reader.integer('maxBits', 1, READ_MAX.bits, READ_MAX.bits);
  const optional = (key: string, max: number): number | undefined =>
    reader.has(key) ? reader.integer(key, key === 'window' ? 1 : 0, max) : undefined;
  const maxGap = optional('maxGap', READ_MAX.registers);
  const silenceMs = optional('silence', SILENCE_MAX_MS);
  const depth = optional('window', DEPTH_MAX);
  return {
    maxRegisters: maxRegisters ?? READ_MAX.registers,
    maxBits: maxBits ?? READ_MAX.bits,
    ...(maxGap === undefined ? {} : { maxGap }),
    ...(silenceMs === undefined ? {} : { silenceMs }),
    ...(depth === undefined ? {} : { depth }),
    ranges: readRanges(reader),
  };
}

function readRanges(reader: ConfigReader): readonly RegisterRange[] {
  const raw = reader.raw('ranges');
  if (raw === undefined) return [];
  const list: readonly unknown[] = Array.isArray(raw) ? raw : [];
  const ranges = list.flatMap((item): RegisterRange[] => {
    const {
      from,
      to,
      maxRegisters = READ_MAX.registers,
      ...more
    } = (item ?? {}) as Record<string, unknown>;
    const isSound =
      Object.keys(more).length === 0 &&
      isWhole(from, 0, 65_535) &&
      isWhole(to, from, 65_535) &&
      isWhole(maxRegisters, 1, READ_MAX.registers);
    return isSound ? [{ from, to, maxRegisters }] : [];
  });
  if (ranges.length !== list.length || list.length === 0 || list.length > RANGES_MAX)
    reader.issue(
      'ranges',
      `is not a list of at most ${RANGES_MAX} maps of from, to and maxRegisters`,
      'Write it as in [{ from: 0, to: 99, maxRegisters: 10 }].',
    );
  return ranges;
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
