import { JOURNAL_LIMITS } from './limits.js';
import { RECORD_HEADER_BYTES, STARTS_GROUP, recordCrc } from './record.js';

/** A bit that makes a record of bytes that are none. */
export interface FlippedBit {
  readonly byte: number;
  readonly mask: number;
}

/** The polynomial of CRC-32 with its bits reversed. */
const POLYNOMIAL = 0xedb8_8320;

/**
 * The one bit at `offset` or behind it which, turned back, makes the checksum of the record right;
 * undefined when no single bit does. A CRC is linear: one wrong bit changes it by an amount that
 * depends on the bit's distance from the end only, so the bit can be found. Bytes that never were
 * a record pass by chance once in 2^32 / (8 x their length): the caller also looks at what it says.
 */
export function findFlippedBit(
  segment: Buffer,
  offset: number,
  chain: number,
): FlippedBit | undefined {
  const space = segment.length - offset - RECORD_HEADER_BYTES;
  if (space <= 0) return undefined;
  const word = segment.readUInt32LE(offset);
  const fits = (length: number): boolean =>
    length > 0 && length <= Math.min(space, JOURNAL_LIMITS.repairBytes);
  const length = word % STARTS_GROUP;
  const found = fits(length) ? inContent(segment, offset, length, chain) : undefined;
  return found ?? inLength(segment, offset, word, chain, fits);
}

/** In the stored CRC, the payload or the flag of a group: the length itself is right. */
function inContent(
  segment: Buffer,
  offset: number,
  length: number,
  chain: number,
): FlippedBit | undefined {
  const stored = segment.readUInt32LE(offset + 4);
  const difference = (recordCrc(segment, offset, length, chain) ^ stored) >>> 0;
  if (difference === 0) return undefined;
  if ((difference & (difference - 1)) === 0) {
    const bit = 31 - Math.clz32(difference);
    return { byte: offset + 4 + (bit >> 3), mask: 1 << (bit & 7) };
  }
  // What a wrong bit changes, from the last bit of the payload back to the first of the length.
  let change = POLYNOMIAL;
  for (let bit = length * 8 - 1; bit >= -1; bit -= 1) {
    if (change === difference) {
      if (bit < 0) return { byte: offset + 3, mask: 0x80 };
      return { byte: offset + RECORD_HEADER_BYTES + (bit >> 3), mask: 1 << (bit & 7) };
    }
    change = ((change >>> 1) ^ ((change & 1) === 0 ? 0 : POLYNOMIAL)) >>> 0;
  }
  return undefined;
}

function inLength(
  segment: Buffer,
  offset: number,
  word: number,
  chain: number,
  fits: (length: number) => boolean,
): FlippedBit | undefined {
  for (let bit = 0; bit < 31; bit += 1) {
    const length = ((word ^ (1 << bit)) >>> 0) % STARTS_GROUP;
    if (!fits(length)) continue;
    const found = { byte: offset + (bit >> 3), mask: 1 << (bit & 7) };
    flip(segment, found);
    const right = recordCrc(segment, offset, length, chain) === segment.readUInt32LE(offset + 4);
    flip(segment, found);
    if (right) return found;
  }
  return undefined;
}

/** Turns the bit in place. */
export function flip(bytes: Buffer, { byte, mask }: FlippedBit): void {
  bytes.writeUInt8(bytes.readUInt8(byte) ^ mask, byte);
}
