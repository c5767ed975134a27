/** A source symbol: its number counts from 0 in its direction of a session and is never reused. */
export interface SourceSymbol {
  readonly number: number;
  /** At most CODED_LIMITS.symbolBytes; shared, not to be written to. */
  readonly data: Uint8Array;
}

/**
 * Rows combine images: two bytes of length, the data, zeros up to the longest member. So a short
 * symbol comes back with its own length.
 */
export const IMAGE_PREFIX_BYTES = 2;

export function imageLength(symbol: Uint8Array): number {
  return IMAGE_PREFIX_BYTES + symbol.length;
}

/** Writes the image of a symbol into a memory whose bytes there may be anything. */
export function writeImage(
  memory: Uint8Array,
  at: number,
  symbol: Uint8Array,
  until: number,
): void {
  memory[at] = symbol.length >> 8;
  memory[at + 1] = symbol.length & 255;
  memory.set(symbol, at + IMAGE_PREFIX_BYTES);
  memory.fill(0, at + IMAGE_PREFIX_BYTES + symbol.length, at + until);
}

/** The symbol of an image, copied; undefined when the length lies or zeros are missing. */
export function readImage(image: Uint8Array): Uint8Array | undefined {
  const length = ((image[0] ?? 0) << 8) | (image[1] ?? 0);
  const end = IMAGE_PREFIX_BYTES + length;
  if (end > image.length) return undefined;
  for (let at = end; at < image.length; at++) if (image[at] !== 0) return undefined;
  return image.slice(IMAGE_PREFIX_BYTES, end);
}
