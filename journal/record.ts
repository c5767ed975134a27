import { crc32 } from './checksum.js';

/**
 * One record: u32 length, u32 CRC-32, payload; little-endian. The CRC continues from the CRC of
 * the record before it, so it vouches for everything since the segment's header: a tail from an
 * earlier life of the file can never follow a new record. The top bit of the length marks the
 * first record of a group, that is of one write and one sync; its payload of four bytes can be
 * found and recognised without anything before it. A length of zero ends the records.
 */
export const RECORD_HEADER_BYTES = 8;
/** The zero length behind the last record, which the next group overwrites. */
export const END_BYTES = 4;

/** The payload of a group's first record: shorter than any transaction. */
const MARK_BYTES = 4;

export const STARTS_GROUP = 0x8000_0000;
const LENGTH_MASK = 0x7fff_ffff;
const MARK_WORD = (STARTS_GROUP | MARK_BYTES) >>> 0;
/** No length that could be, and many bits away from the end and from erased flash. */
const CONTINUED = 0xa5c3_3c5a;

export interface JournalRecord {
  readonly payload: Uint8Array;
  readonly startsGroup: boolean;
  /** The payload is a group's mark, not a transaction. */
  readonly isMark: boolean;
  /** Where the next record starts, and the CRC it continues from. */
  readonly end: number;
  readonly chain: number;
}

/** Bytes of a group with its mark and end, given the bytes of its payloads. */
export function groupLength(records: number, payloadBytes: number): number {
  return (records + 1) * RECORD_HEADER_BYTES + MARK_BYTES + payloadBytes + END_BYTES;
}

/**
 * The bytes of one group of records and the CRC they end with. `payloadBytes` is the sum of the
 * payloads' UTF-8 lengths, which the caller knows already. Without `mark` the records go on with
 * the group before them.
 */
export function encodeGroup(
  payloads: readonly string[],
  payloadBytes: number,
  chain: number,
  mark: number | undefined,
): { bytes: Uint8Array; chain: number } {
  const unmarked = mark === undefined ? RECORD_HEADER_BYTES + MARK_BYTES : 0;
  const bytes = Buffer.allocUnsafe(groupLength(payloads.length, payloadBytes) - unmarked);
  let at = 0;
  const seal = (word: number, length: number): void => {
    bytes.writeUInt32LE(word, at);
    chain = recordCrc(bytes, at, length, chain);
    bytes.writeUInt32LE(chain, at + 4);
    at += RECORD_HEADER_BYTES + length;
  };
  if (mark !== undefined) {
    bytes.writeUInt32LE(mark, RECORD_HEADER_BYTES);
    seal(MARK_WORD, MARK_BYTES);
  }
  for (const payload of payloads) {
    const length = bytes.write(payload, at + RECORD_HEADER_BYTES, 'utf8');
    seal(length, length);
  }
  bytes.writeUInt32LE(0, at);
  return { bytes, chain };
}

/** What the mark of a group at `offset` holds; `seed` is the CRC of its segment's header. */
export function groupMark(seed: number, offset: number): number {
  return (seed ^ offset) >>> 0;
}

/**
 * Where a group of this very life of the segment starts at or behind `from`, whatever stands
 * before it; undefined when there is none.
 */
export function findGroup(segment: Buffer, seed: number, from: number): number | undefined {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(MARK_WORD, 0);
  for (let at = from; ; at += 1) {
    at = segment.indexOf(word, at);
    if (at < 0 || at + RECORD_HEADER_BYTES + MARK_BYTES > segment.length) return undefined;
    if (segment.readUInt32LE(at + RECORD_HEADER_BYTES) === groupMark(seed, at)) return at;
  }
}

/** Stands in the place of the end where the journal goes on in the next segment. */
export function encodeContinued(): Uint8Array {
  const bytes = Buffer.alloc(END_BYTES);
  bytes.writeUInt32LE(CONTINUED, 0);
  return bytes;
}

/**
 * The record at `offset`, or why there is none: the records end, or end here and go on in the next
 * segment, or these bytes are no record.
 */
export function readRecord(
  segment: Buffer,
  offset: number,
  chain: number,
): JournalRecord | 'end' | 'continued' | 'damaged' {
  const space = segment.length - offset - RECORD_HEADER_BYTES;
  if (space < 0) {
    if (space + RECORD_HEADER_BYTES < END_BYTES) return 'damaged';
    const last = segment.readUInt32LE(offset);
    if (last === CONTINUED) return 'continued';
    return last === 0 ? 'end' : 'damaged';
  }
  const word = segment.readUInt32LE(offset);
  if (word === 0) return 'end';
  if (word === CONTINUED) return 'continued';
  const length = word & LENGTH_MASK;
  if (length === 0 || length > space) return 'damaged';
  const crc = recordCrc(segment, offset, length, chain);
  if (crc !== segment.readUInt32LE(offset + 4)) return 'damaged';
  const start = offset + RECORD_HEADER_BYTES;
  return {
    payload: segment.subarray(start, start + length),
    startsGroup: word >= STARTS_GROUP,
    isMark: word === MARK_WORD,
    end: start + length,
    chain: crc,
  };
}

export function recordCrc(bytes: Buffer, offset: number, length: number, chain: number): number {
  const start = offset + RECORD_HEADER_BYTES;
  const withLength = crc32(bytes.subarray(offset, offset + 4), chain);
  return crc32(bytes.subarray(start, start + length), withLength);
}
