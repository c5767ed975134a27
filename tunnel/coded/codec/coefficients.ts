/**
 * The coefficients that a seed stands for: part of the wire format, so that only the seed travels.
 * xorshift32 (shifts 13, 17, 5) from (seed + 1) * 0x9E3779B1; each coefficient is the high byte of
 * the next state that has one, so none is zero.
 */
export function coefficientsOf(seed: number, count: number): Uint8Array {
  const coefficients = new Uint8Array(count);
  let state = Math.imul((seed & 0xffff) + 1, 0x9e3779b1) >>> 0;
  for (let index = 0; index < count;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const coefficient = state >>> 24;
    if (coefficient !== 0) coefficients[index++] = coefficient;
  }
  return coefficients;
}

/**
 * The coefficients of a row over `span` symbols. With a bitmap the members take the seed's
 * coefficients in their order, the others have zero.
 */
export function rowCoefficients(
  seed: number,
  span: number,
  members: Uint8Array | undefined,
): Uint8Array {
  if (members === undefined) return coefficientsOf(seed, span);
  const coefficients = new Uint8Array(span);
  const drawn = coefficientsOf(seed, span);
  let next = 0;
  for (let index = 0; index < span; index++)
    if ((((members[index >> 3] ?? 0) >> (index & 7)) & 1) === 1)
      coefficients[index] = drawn[next++] ?? 0;
  return coefficients;
}
