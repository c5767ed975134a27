import { EdgeError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { printable } from './text-table.js';

/** What a program's exit says; scripts may rely on these numbers. */
export const EXIT = { ok: 0, failure: 1, usage: 2, notRunning: 3, refused: 4 } as const;

const OWN: Partial<Record<ErrorCode, number>> = {
  EDGE_INTERNAL: EXIT.failure,
  EDGE_STORAGE: EXIT.failure,
  EDGE_STORAGE_CORRUPT: EXIT.failure,
  EDGE_LOCKED: EXIT.failure,
  EDGE_CONNECTION: EXIT.failure,
  EDGE_TIMEOUT: EXIT.failure,
  EDGE_EFFECT_UNKNOWN: EXIT.failure,
  EDGE_USAGE: EXIT.usage,
  EDGE_CONFIG: EXIT.usage,
  EDGE_NOT_RUNNING: EXIT.notRunning,
};

/** Every code that is not this program's own trouble was an answer of the peer. */
export function exitCodeOf(error: EdgeError): number {
  return OWN[error.code] ?? EXIT.refused;
}

/** `error EDGE_X: message` and `hint: ...`, or one JSON object a line. */
export function errorText(error: EdgeError, json: boolean): string {
  const { code, message, hint, details } = error;
  if (json) {
    const issues = code === 'EDGE_CONFIG' && typeof details === 'object' ? details : {};
    return `${JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }), ...issues })}\n`;
  }
  const lines = `${code}: ${message}`.split('\n').map(printable).join('\n');
  return `error ${lines}\n${hint === undefined ? '' : `hint: ${printable(hint)}\n`}`;
}
