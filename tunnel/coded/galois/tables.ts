/** GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11D), generator 2, as in RFC 8681 section 3.7. */
const POLYNOMIAL = 0x11d;

const EXPONENT = new Uint8Array(512);
const LOGARITHM = new Uint8Array(256);

let power = 1;
for (let index = 0; index < 255; index++) {
  EXPONENT[index] = power;
  EXPONENT[index + 255] = power;
  LOGARITHM[power] = index;
  power <<= 1;
  if (power > 255) power ^= POLYNOMIAL;
}

export function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return EXPONENT[(LOGARITHM[a] ?? 0) + (LOGARITHM[b] ?? 0)] ?? 0;
}

/** Of 1..255; zero has none and gives zero. */
export function inverse(a: number): number {
  return a === 0 ? 0 : (EXPONENT[255 - (LOGARITHM[a] ?? 0)] ?? 0);
}
