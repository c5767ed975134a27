/**
 * Row operations over GF(256) on one memory. Addresses are bytes from its start; every length is a
 * multiple of `ROW_ALIGN`; coefficients are bytes. Nothing is checked: the codec owns the addresses.
 */
export interface RowKernel {
  readonly name: 'simd' | 'script';
  /** The memory. Ask again after `grow`: the former view may be detached. */
  bytes(): Uint8Array;
  /** At least so many bytes; false when there is no more memory. */
  grow(bytes: number): boolean;
  /** target += coefficient * source */
  axpy(target: number, source: number, coefficient: number, length: number): void;
  /** target = coefficient * target */
  scale(target: number, coefficient: number, length: number): void;
  /** target += the sum of coefficient * source over the first `count` pairs put into `list`. */
  combine(target: number, count: number, length: number): void;
  /** Pairs (address, coefficient) for `combine`, at most `LIST_PAIRS`. Ask again after `grow`. */
  list(): Uint32Array;
  /** How many bytes are not zero. */
  weight(at: number, length: number): number;
  /** Index of the first byte that is not zero, or `length`. */
  first(at: number, length: number): number;
}

export const ROW_ALIGN = 32;
export const LIST_PAIRS = 256;

/** The memory of a kernel: product tables, the list of `combine`, then rows. */
export const MEMORY = {
  listAt: 8 * 1024,
  rowsAt: 8 * 1024 + LIST_PAIRS * 8,
  pageBytes: 64 * 1024,
} as const;

/** Rounds up to `ROW_ALIGN`. */
export function aligned(length: number): number {
  return (length + ROW_ALIGN - 1) & ~(ROW_ALIGN - 1);
}
