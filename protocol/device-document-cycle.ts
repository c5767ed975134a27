/** Longer cycles are most likely the nanoseconds of the older KubeEdge mappers. */
export const CYCLE_SUSPECT_MS = 86_400_000;

/** What KubeEdge's mapper framework does when a cycle is 0 or absent. */
export const CYCLE_DEFAULT_MS = 1000;

/** Words for `poll` of a visitor. */
export const POLL_CLASSES = ['normal', 'slow'] as const;

/** What counters of energy, settings and names of a device are read in: they change slowly. */
export const SLOW_CYCLE_MS = 10_000;

type ConfigData = Readonly<Record<string, unknown>>;

/**
 * The milliseconds between two readings of a property that has no `collectCycle`: `cycle` of its
 * device's settings, and for `poll: slow` of its visitor no less than SLOW_CYCLE_MS. The mapper
 * judges what cannot be understood.
 */
export function defaultCycleMs(device: ConfigData, visitor: ConfigData = {}): number {
  const own = parseCycle(device['cycle']) ?? 0;
  const cycleMs = own === 0 || !Number.isSafeInteger(own) ? CYCLE_DEFAULT_MS : own;
  const isSlow = String(visitor['poll']).toLowerCase() === 'slow';
  return isSlow ? Math.max(cycleMs, SLOW_CYCLE_MS) : cycleMs;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  '': 1,
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a number or of text with an optional unit ("10s", "500ms", "1.5 m"). */
export function parseCycle(value: unknown): number | undefined {
  if (typeof value === 'number')
    return Number.isFinite(value) && value >= 0 ? whole(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const [, number, unit = ''] = /^\s*(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*)\s*$/i.exec(value) ?? [];
  const unitMs = Object.hasOwn(UNITS_MS, unit.toLowerCase()) && UNITS_MS[unit.toLowerCase()];
  return number === undefined || unitMs === undefined || unitMs === false
    ? undefined
    : whole(Number(number) * unitMs);
}

/** A cycle above zero is at least a millisecond. */
function whole(ms: number): number {
  return ms > 0 ? Math.max(1, Math.round(ms)) : 0;
}
