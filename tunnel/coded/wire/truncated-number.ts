/** Bits of a packet number, and of a symbol number, that travel. */
export const PACKET_NUMBER_BITS = 32;
export const SYMBOL_NUMBER_BITS = 24;

/** What travels of a number below 2^53. */
export function truncateNumber(full: number, bits: number): number {
  return full % 2 ** bits;
}

/**
 * The number nearest to `expected` whose low bits are `truncated` (RFC 9000 appendix A.3), so it
 * is right for everything less than 2^(bits - 1) away. Never negative.
 */
export function expandNumber(truncated: number, bits: number, expected: number): number {
  const cycle = 2 ** bits;
  const near = expected - (expected % cycle) + truncated;
  if (near <= expected - cycle / 2) return near + cycle;
  if (near > expected + cycle / 2 && near >= cycle) return near - cycle;
  return near;
}
