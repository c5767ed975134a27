import { crc32 } from './checksum.js';

/**
 * One record: u32 length, u32 CRC-32, payload; little-endian. The CRC continues from the CRC of
 * the record before it, so it vouches for everything since the segment's header: a tail from an
 * earlier life of the file can never follow a new record. The top bit of the length marks the
 * first record of a group, that is of one write and one sync. A length of zero ends the records.
 */
export const RECORD_HEADER_BYTES = 8;
/** The zero length behind the last record, which the next group overwrites. */
export const END_BYTES = 4;

const STARTS_GROUP = 0x8000_0000;
const LENGTH_MASK = 0x7fff_ffff;

export interface JournalRecord {
  readonly payload: Uint8Array;
  readonly startsGroup: boolean;
  /** Where the next record starts, and the CRC it continues from. */
  readonly end: number;
  readonly chain: number;
}

/** Bytes of a group, its end mark included, given the bytes of its payloads. */
export function groupLength(records: number, payloadBytes: number): number {
  return records * RECORD_HEADER_BYTES + payloadBytes + END_BYTES;
}

/**
 * The bytes of one group of records and the CRC they end with. `payloadBytes` is the sum of the
 * payloads' UTF-8 lengths, which the caller knows already.
 */
export function encodeGroup(
  payloads: readonly string[],
  payloadBytes: number,
  chain: number,
  startsGroup = true,
): { bytes: Uint8Array; chain: number } {
  const bytes = Buffer.allocUnsafe(groupLength(payloads.length, payloadBytes));
  let at = 0;
  let mark = startsGroup ? STARTS_GROUP : 0;
  for (const payload of payloads) {
    const length = bytes.write(payload, at + RECORD_HEADER_BYTES, 'utf8');
    bytes.writeUInt32LE((length | mark) >>> 0, at);
    chain = recordCrc(bytes, at, length, chain);
    bytes.writeUInt32LE(chain, at + 4);
    at += RECORD_HEADER_BYTES + length;
    mark = 0;
  }
  bytes.writeUInt32LE(0, at);
  return { bytes, chain };
}

/** The record at `offset`, or why there is none: the records end, or these bytes are no record. */
export function readRecord(
  segment: Buffer,
  offset: number,
  chain: number,
): JournalRecord | 'end' | 'damaged' {
  const space = segment.length - offset - RECORD_HEADER_BYTES;
  if (space < 0) {
    const rest = segment.subarray(offset);
    return rest.every((byte) => byte === 0) ? 'end' : 'damaged';
  }
  const word = segment.readUInt32LE(offset);
  if (word === 0) return 'end';
  const length = word & LENGTH_MASK;
  if (length === 0 || length > space) return 'damaged';
  const crc = recordCrc(segment, offset, length, chain);
  if (crc !== segment.readUInt32LE(offset + 4)) return 'damaged';
  const start = offset + RECORD_HEADER_BYTES;
  return {
    payload: segment.subarray(start, start + length),
    startsGroup: word >= STARTS_GROUP,
    end: start + length,
    chain: crc,
  };
}

function recordCrc(bytes: Buffer, offset: number, length: number, chain: number): number {
  const start = offset + RECORD_HEADER_BYTES;
  const withLength = crc32(bytes.subarray(offset, offset + 4), chain);
  return crc32(bytes.subarray(start, start + length), withLength);
}
