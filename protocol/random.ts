/** Randomness as a port, so that a seed replays everything. */
export interface Random {
  /** Uniform in [0, 1). */
  unit(): number;
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  unit: () => (globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  bytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
};

/** The fake of the port: xorshift128 seeded through splitmix32. Not for secrets. */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const split = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [split(), split(), split(), split() | 1];
  const next = (): number => {
    const t = a ^ (a << 11);
    [a, b, c] = [b, c, d];
    d = d ^ (d >>> 19) ^ t ^ (t >>> 8);
    return d >>> 0;
  };
  return {
    unit: () => next() / 2 ** 32,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
  };
}

/** 64 random bits as 16 hexadecimal digits: boots, lineages, command ids. */
export function randomId(random: Random): string {
  return Array.from(random.bytes(8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
