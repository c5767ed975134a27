import type { Random } from '#protocol/random.js';
import { seededRandom } from '#protocol/random.js';
import { decodeSymbol } from './bundle.js';
import { decodeFrames } from './frame-reader.js';
import { decodeForeignVersion, decodePacket } from './packet-header.js';
import { WIRE_VECTORS } from './vectors.js';

export interface FuzzCounts {
  packets: number;
  headers: number;
  payloads: number;
  cargos: number;
}

/**
 * For tests: throws mutated vectors at every parser of the wire. Returns how many were still
 * read, so that a test can see that the mutations reach deep and that nothing throws.
 */
export function fuzzWire(packets: number, seed: number): FuzzCounts {
  const random = seededRandom(seed);
  const seeds = WIRE_VECTORS.map(({ hex }) => Uint8Array.from(Buffer.from(hex, 'hex')));
  const counts: FuzzCounts = { packets, headers: 0, payloads: 0, cargos: 0 };
  for (let packet = 0; packet < packets; packet++) {
    const bytes = mutate(random, seeds);
    const header = decodePacket(bytes);
    decodeForeignVersion(bytes);
    if (header.ok) counts.headers++;
    const frames = decodeFrames(header.ok ? header.value.payload : bytes);
    if (!frames.ok) continue;
    counts.payloads++;
    for (const frame of frames.value)
      if (frame.kind === 'source' && decodeSymbol(frame.data).ok) counts.cargos++;
  }
  return counts;
}

function mutate(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  const below = (limit: number): number => Math.floor(random.unit() * limit);
  const pick = (): Uint8Array => seeds[below(seeds.length)] ?? new Uint8Array(0);
  let bytes = Uint8Array.from(pick());
  for (let change = below(4); change >= 0; change--) {
    switch (below(5)) {
      case 0:
        if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
        break;
      case 1:
        if (bytes.length > 0) {
          const at = below(bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        }
        break;
      case 2:
        bytes = bytes.slice(0, below(bytes.length + 1));
        break;
      case 3: {
        const other = pick();
        bytes = Uint8Array.from([...bytes, ...other.subarray(below(other.length + 1))]);
        break;
      }
      default: {
        const at = below(bytes.length + 1);
        bytes = Uint8Array.from([...bytes.subarray(0, at), 0xff, ...bytes.subarray(at)]);
      }
    }
  }
  return bytes;
}
