import { crc16 } from '#mappers/modbus/adu.js';
import type { Random } from '#protocol/random.js';

/** What reaches the master, and when, instead of one reply. */
export interface Piece {
  readonly afterMs: number;
  readonly bytes: Uint8Array;
}

/** What a wire knows when a reply comes by: the request it answers, and the replies before. */
export interface Passing {
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
  readonly before: Uint8Array | undefined;
  readonly random: Random;
}

/** `hang`: the beginning of the reply comes, and nothing more on this connection. */
export type Fault = (
  passing: Passing,
) => readonly Piece[] | 'reset' | 'half close' | { readonly hang: Uint8Array };

const now = (bytes: Uint8Array): Piece[] => [{ afterMs: 0, bytes }];
const upTo = (random: Random, limit: number): number => Math.floor(random.unit() * limit);
const joined = (...parts: Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** An RTU frame of the same bytes with another checksum: what a slave sends that is wrong itself. */
function sealed(frame: Uint8Array): Uint8Array {
  const crc = crc16(frame, 0, frame.length - 2);
  frame[frame.length - 2] = crc & 0xff;
  frame[frame.length - 1] = crc >> 8;
  return frame;
}

/** Noise that no checksum finds, one in 65,536, is not what a master can be asked to find. */
function unsealed(bytes: Uint8Array, length: number): Uint8Array {
  const crc = crc16(bytes, 0, length - 2);
  const isSealed = bytes[length - 2] === (crc & 0xff) && bytes[length - 1] === crc >> 8;
  return isSealed ? changed(bytes, length - 1, 1) : bytes;
}

function changed(bytes: Uint8Array, at: number, by: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ by;
  return copy;
}

function split({ reply, random }: Passing): readonly Piece[] {
  const cut = 1 + upTo(random, reply.length - 1);
  const rest = { afterMs: 1 + upTo(random, 15), bytes: reply.slice(cut) };
  return [{ afterMs: 0, bytes: reply.slice(0, cut) }, rest];
}

const onAnyWire = {
  none: ({ reply }) => now(reply),
  late: ({ reply, random }) => [{ afterMs: 100 + upTo(random, 250), bytes: reply }],
  duplicate: ({ reply }) => now(joined(reply, reply)),
  split,
  'byte by byte': ({ reply }) =>
    Array.from(reply, (byte, at) => ({ afterMs: at >> 3, bytes: Uint8Array.of(byte) })),
  silence: () => [],
} satisfies Record<string, Fault>;

/** By name, what can happen to a reply on a serial line. */
export const LINE_FAULTS: Readonly<Record<string, Fault>> = {
  ...onAnyWire,
  truncated: ({ reply, random }) => now(reply.slice(0, 1 + upTo(random, reply.length - 1))),
  noise: ({ reply, random }) => now(joined(random.bytes(1 + upTo(random, 20)), reply)),
  'noise with a plausible header': ({ reply, random }) =>
    now(
      unsealed(joined(reply.slice(0, 3), random.bytes(1 + upTo(random, 8)), reply), reply.length),
    ),
  'plausible noise alone': ({ reply, random }) =>
    now(unsealed(joined(reply.slice(0, 3), random.bytes(reply.length)), reply.length)),
  'wrong unit': ({ reply }) => now(sealed(changed(reply, 0, 3))),
  'wrong echo or byte count': ({ reply }) => now(sealed(changed(reply, 2, 2))),
  'echo of the request': ({ request, reply }) => now(joined(request, reply)),
  'checksum error': ({ reply, random }) =>
    now(changed(reply, 2 + upTo(random, reply.length - 2), 1 << upTo(random, 8))),
};

/** By name, what can happen to a reply on TCP. */
export const TCP_FAULTS: Readonly<Record<string, Fault>> = {
  ...onAnyWire,
  'wrong transaction': ({ reply }) => now(changed(reply, 0, 0x40)),
  'stale transaction': ({ reply, before = reply }) => now(joined(before, reply)),
  garbage: ({ reply, random }) => now(joined(random.bytes(1 + upTo(random, 9)), reply)),
  'length too large': ({ reply }) => now(changed(reply, 4, 0xff)),
  'length of nothing': ({ reply }) => now(changed(reply, 5, reply[5] ?? 0)),
  'wrong protocol': ({ reply }) => now(changed(reply, 2, 7)),
  'wrong unit': ({ reply }) => now(changed(reply, 6, 3)),
  'wrong echo or byte count': ({ reply }) => now(changed(reply, 8, 2)),
  'cut off': ({ reply, random }) => ({
    hang: reply.slice(0, 1 + upTo(random, reply.length - 1)),
  }),
  reset: () => 'reset',
  'half close': () => 'half close',
};
