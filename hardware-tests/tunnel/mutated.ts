import type { Random } from '#protocol/random.js';

/** A copy of a datagram with something wrong about it, and often nothing else. */
export function mutated(datagram: Uint8Array, random: Random): Uint8Array {
  // A Buffer's slice is the same bytes.
  const copy = Uint8Array.from(datagram);
  const at = Math.floor(random.unit() * copy.length);
  switch (Math.floor(random.unit() * 5)) {
    case 0:
      copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random.unit() * 8));
      return copy;
    case 1:
      return copy.subarray(0, at);
    case 2:
      return Uint8Array.from([...copy, ...random.bytes(1 + Math.floor(random.unit() * 40))]);
    case 3:
      copy.set(random.bytes(copy.length - at), at);
      return copy;
    default:
      return random.bytes(Math.floor(random.unit() * 1_500));
  }
}
