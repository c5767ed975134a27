/** Registers, bytes and bits, one from the other. */

/**
 * Order of the bytes of a number as they travel. With four letters, for any length: CDAB and DCBA
 * reverse the registers, BADC and DCBA swap the bytes in each. With eight, of four registers: also
 * those that exchange halves, as devices do that hold a 64-bit number as two of 32.
 */
export const ORDERS = [
  'ABCD',
  'CDAB',
  'BADC',
  'DCBA',
  'ABCDEFGH',
  'GHEFCDAB',
  'BADCFEHG',
  'HGFEDCBA',
  'EFGHABCD',
  'CDABGHEF',
  'FEHGBADC',
  'DCBAHGFE',
] as const;
export type Order = (typeof ORDERS)[number];

/** The words of a number from the most significant on. `fromOrdered` is the way back. */
export function inOrder(words: readonly number[], order: Order): number[] {
  if (order.length === 8) {
    const bytes = toBytes(words);
    return toWords(Uint8Array.from(LETTERS, (letter) => bytes[order.indexOf(letter)] ?? 0));
  }
  const swapped = order === 'BADC' || order === 'DCBA' ? words.map(swapBytes) : [...words];
  return order === 'CDAB' || order === 'DCBA' ? swapped.reverse() : swapped;
}

/** The words as they travel, of a number from the most significant on. */
export function fromOrdered(words: readonly number[], order: Order): number[] {
  if (order.length < 8) return inOrder(words, order);
  const bytes = toBytes(words);
  return toWords(Uint8Array.from(order, (letter) => bytes[LETTERS.indexOf(letter)] ?? 0));
}

const LETTERS = 'ABCDEFGH';

export function toBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 2);
  words.forEach((word, at) => {
    bytes[at * 2] = word >> 8;
    bytes[at * 2 + 1] = word & 0xff;
  });
  return bytes;
}

export function toWords(bytes: Uint8Array): number[] {
  return Array.from(
    { length: bytes.length >> 1 },
    (_, at) => ((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0),
  );
}

/** Bits as bytes, the first in the lowest place. */
export function packBits(bits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array((bits.length + 7) >> 3);
  bits.forEach((bit, at) => (bytes[at >> 3] = (bytes[at >> 3] ?? 0) | ((bit & 1) << (at & 7))));
  return bytes;
}

export function unpackBits(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1);
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Empty for what is no base64. */
export function fromBase64(value: string): Uint8Array {
  try {
    return Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}

function swapBytes(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}
