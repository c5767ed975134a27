import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { parseBoundedJson } from './value-check-json.js';

/**
 * The JSON body of a request. Throws EDGE_LIMIT for more than `bytesMax` bytes or a value nested
 * deeper than LIMITS.jsonDepth inside it, EDGE_MALFORMED for what is not JSON in UTF-8. Its keys and
 * values are data until a schema and `valueProblem` have judged them.
 */
export function parseOutsideJson(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax)
    throw new EdgeError('EDGE_LIMIT', `the body has more than ${bytesMax} bytes`, {
      hint: 'Send a smaller document.',
    });
  return parseBoundedJson(decode(bytes), LIMITS.jsonDepth + 1);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'the body is not UTF-8', { cause });
  }
}
