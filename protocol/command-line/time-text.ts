import { EdgeError } from '../errors.js';
import type { Flag } from './command.js';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `5m`, `2h` or `7d` in milliseconds, above 0. Throws EDGE_USAGE. */
export function millisecondsOf(time: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([a-z]{1,2})$/.exec(time) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? NaN);
  if (ms > 0) return ms;
  throw new EdgeError('EDGE_USAGE', `${time} is not a time`, {
    hint: 'Write a number with its unit: 500ms, 30s, 5m, 2h or 7d.',
  });
}

export const WITHIN_FLAG: Flag = {
  name: 'within',
  value: 'TIME',
  default: '30s',
  summary: 'How long --wait waits: 500ms, 30s, 5m.',
};

export const DRY_RUN_FLAG: Flag = {
  name: 'dry-run',
  summary: 'Check everything, say what would be done, and change nothing.',
};
