import type { Value, Version } from './twin.js';

export interface DigestRow {
  readonly property: string;
  readonly version: Version;
  readonly value: Value;
}

const encoder = new TextEncoder();

/**
 * 16 hexadecimal digits over the rows of one device, independent of their order and of the order
 * of object keys: FNV-1a 64 (the FNV parameters of draft-eastlake-fnv) of `property NUL gen.n NUL
 * canonical JSON NUL` in the order of property names. It finds accidents, not attackers: each end
 * digests only what the other is allowed to write anyway.
 */
export function digestRows(rows: Iterable<DigestRow>): string {
  const sorted = [...rows].sort((a, b) => compareText(a.property, b.property));
  const text = sorted.map(
    ({ property, version, value }) =>
      `${property}\0${version.gen}.${version.n}\0${canonicalJson(value)}\0`,
  );
  return fnv1a64(encoder.encode(text.join('')));
}

/** JSON with object keys in code unit order and no spaces. The value is at most jsonDepth deep. */
export function canonicalJson(value: Value): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Value) => canonicalJson(item)).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => compareText(a, b));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** The 64-bit product by the prime 2^40 + 0x1b3 is made of 32-bit halves: BigInt is ten times slower. */
export function fnv1a64(bytes: Uint8Array): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 2 ** 32)) >>> 0;
    low = product >>> 0;
  }
  return hex32(high) + hex32(low);
}

function hex32(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
