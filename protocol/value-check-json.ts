import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { FORBIDDEN_KEYS } from './name.js';
import type { Value } from './twin.js';

export interface ValueProblem {
  readonly code: 'EDGE_TYPE' | 'EDGE_LIMIT';
  /** The rule that is broken, to be read after the name of what broke it. */
  readonly rule: string;
}

/**
 * JSON text to a JavaScript value that is at most `depthMax` deep. The depth is counted before
 * anything is built. Throws EDGE_MALFORMED or EDGE_LIMIT; numbers and keys are not judged here.
 */
export function parseBoundedJson(text: string, depthMax: number): unknown {
  if (nesting(text) > depthMax)
    throw new EdgeError('EDGE_LIMIT', `JSON is nested deeper than ${depthMax} levels`);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'the text is not valid JSON', { cause });
  }
}

/** Why this is no JSON of that size, or undefined when it is. Walks with its own list, never recursively. */
export function valueProblem(
  root: unknown,
  bytesMax: number = LIMITS.valueBytes,
): ValueProblem | undefined {
  const rest: { item: unknown; depth: number }[] = [{ item: root, depth: 0 }];
  let bytes = 0;
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { item, depth } = next;
    if (typeof item === 'object' && item !== null) {
      if (depth >= LIMITS.jsonDepth) return limit(`nested deeper than ${LIMITS.jsonDepth} levels`);
      const length = Array.isArray(item) ? item.length : Object.keys(item).length;
      bytes += 1 + Math.max(length, 1);
      if (bytes > bytesMax) break;
      if (Array.isArray(item)) {
        for (const child of item as readonly unknown[])
          rest.push({ item: child, depth: depth + 1 });
        continue;
      }
      if (!isPlainObject(item)) return wrong('not a plain JSON object');
      for (const [key, child] of Object.entries(item)) {
        const size = encodedLength(key, bytesMax);
        if (size < 0) return wrong('a key is not well-formed Unicode');
        if (FORBIDDEN_KEYS.has(key)) return wrong(`the key ${key} is not allowed`);
        bytes += size + 1;
        rest.push({ item: child, depth: depth + 1 });
      }
    } else {
      const size = scalarLength(item, bytesMax);
      if (typeof size !== 'number') return size;
      bytes += size;
    }
    if (bytes > bytesMax) break;
  }
  if (bytes <= bytesMax) return undefined;
  return limit(`longer than ${bytesMax} bytes when encoded`);
}

/** Throws EDGE_MALFORMED or EDGE_LIMIT: for values that a peer sent. */
export function peerValue(item: unknown): Value {
  const problem = valueProblem(item);
  if (problem === undefined) return item === 0 ? 0 : (item as Value);
  const code = problem.code === 'EDGE_TYPE' ? 'EDGE_MALFORMED' : problem.code;
  throw new EdgeError(code, `a value is ${problem.rule}`);
}

function scalarLength(item: unknown, bytesMax: number): number | ValueProblem {
  if (typeof item === 'string') {
    const size = encodedLength(item, bytesMax);
    return size < 0 ? wrong('not well-formed Unicode') : size;
  }
  if (typeof item === 'number')
    return Number.isFinite(item) ? String(item).length : wrong('not a finite number');
  if (typeof item === 'boolean') return item ? 4 : 5;
  return item === null ? 4 : wrong(`of type ${typeof item}, which JSON does not have`);
}

function isPlainObject(item: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(item);
  return prototype === Object.prototype || prototype === null;
}

/** Bytes of a string as JSON in UTF-8; -1 for a lone surrogate, which UTF-8 cannot carry. */
function encodedLength(text: string, bytesMax: number): number {
  if (text.length > bytesMax) return text.length;
  let bytes = 2;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20) bytes += '\b\t\n\f\r'.includes(text.charAt(at)) ? 2 : 6;
    else if (unit === 0x22 || unit === 0x5c) bytes += 2;
    else if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else {
      const low = text.charCodeAt(at + 1);
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return -1;
      bytes += 4;
      at++;
    }
  }
  return bytes;
}

/** The deepest level of brackets outside strings; of invalid JSON, some upper bound of it. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (quoted) {
      if (unit === 0x5c) at++;
      else if (unit === 0x22) quoted = false;
    } else if (unit === 0x22) quoted = true;
    else if (unit === 0x5b || unit === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return deepest;
}

function wrong(rule: string): ValueProblem {
  return { code: 'EDGE_TYPE', rule };
}

function limit(rule: string): ValueProblem {
  return { code: 'EDGE_LIMIT', rule };
}
