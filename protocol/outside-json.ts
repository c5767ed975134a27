import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import type { Value } from './twin.js';

/**
 * Parses JSON that someone else wrote. Throws EDGE_LIMIT for more than `bytesMax` bytes or
 * deeper than LIMITS.jsonDepth, EDGE_MALFORMED for anything that is not JSON, is not UTF-8, or that
 * would not come back as it went in: numbers beyond double range, lone surrogates, `__proto__`.
 */
export function parseOutsideJson(bytes: Uint8Array, bytesMax: number): Value {
  if (bytes.length > bytesMax)
    throw new EdgeError('EDGE_LIMIT', `the document has more than ${bytesMax} bytes`, {
      hint: 'Send a smaller document.',
    });
  const value = decode(bytes);
  check(value);
  return value as Value;
}

function decode(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed('the document is not JSON in UTF-8', cause);
  }
}

/** Level by level, without recursion: the nesting is the sender's choice. */
function check(root: unknown): void {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > LIMITS.jsonDepth)
      throw new EdgeError('EDGE_LIMIT', `nested deeper than ${LIMITS.jsonDepth}`, {
        hint: 'Flatten the value.',
      });
    level = level.flatMap(childrenOf);
  }
}

function childrenOf(value: unknown): unknown[] {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw malformed('a number is beyond the range of a double');
  if (typeof value === 'string' && /\p{Surrogate}/u.test(value))
    throw malformed('a text holds half of a surrogate pair');
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value;
  const entries = Object.entries(value);
  if (entries.some(([key]) => key === '__proto__'))
    throw malformed('the key __proto__ is not accepted');
  return entries.flat();
}

function malformed(message: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_MALFORMED', message, { cause, hint: 'Send a JSON document.' });
}
