import { EdgeError } from '../errors.js';
import type { ErrorCode } from '../errors.js';

/** What a program's exit says; scripts may rely on these numbers. */
export const EXIT = { ok: 0, failure: 1, usage: 2, notRunning: 3, refused: 4 } as const;

const OWN: Partial<Record<ErrorCode, number>> = {
  EDGE_INTERNAL: EXIT.failure,
  EDGE_STORAGE: EXIT.failure,
  EDGE_STORAGE_CORRUPT: EXIT.failure,
  EDGE_LOCKED: EXIT.failure,
  EDGE_CONNECTION: EXIT.failure,
  EDGE_TIMEOUT: EXIT.failure,
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
  const { code, message, hint } = error;
  if (json)
    return `${JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) })}\n`;
  return `error ${code}: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`;
}
