import { EdgeError } from '#protocol/errors.js';
import { crc32 } from './checksum.js';

/**
 * The head of a journal segment: two copies, a sector each, of magic (8 bytes), u32 format
 * version, u32 segment number, u32 CRC that the segment before it ended with, u32 flags, 16
 * random bytes, u32 bytes of the segment's file (0: not told), zeroes, u32 CRC-32 of the 60 bytes before it. Little-endian. Magic, version and
 * the CRC's place and range stay in every later format, so that an older program can tell a newer
 * file from a damaged one.
 */
export interface SegmentHeader {
  readonly number: number;
  /** The CRC of the last record of the segment before this one. */
  readonly previousChain: number;
  /** True when a snapshot of its own precedes it: the segments before it do not lead to it. */
  readonly fresh: boolean;
  /** Bytes of its file, preallocated: a shorter one was cut off. 0: not told. */
  readonly bytes: number;
  /** The CRC that the first record continues from. */
  readonly chain: number;
}

/** Where the first record of a segment starts. */
export const RECORDS_START = 1024;
export const NONCE_BYTES = 16;

const MAGIC = Buffer.from('EDGEJRNL', 'latin1');
const VERSION = 1;
const SECTOR_BYTES = 512;
const SIZE_OFFSET = 40;
const CRC_OFFSET = 60;
const FRESH = 1;

export function encodeSegmentHeader(
  fields: Omit<SegmentHeader, 'chain'>,
  nonce: Uint8Array,
): { bytes: Uint8Array; chain: number } {
  const bytes = Buffer.alloc(RECORDS_START + 4);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(fields.number, 12);
  bytes.writeUInt32LE(fields.previousChain, 16);
  bytes.writeUInt32LE(fields.fresh ? FRESH : 0, 20);
  bytes.set(nonce.subarray(0, NONCE_BYTES), 24);
  bytes.writeUInt32LE(fields.bytes, SIZE_OFFSET);
  const chain = crc32(bytes.subarray(0, CRC_OFFSET));
  bytes.writeUInt32LE(chain, CRC_OFFSET);
  bytes.copy(bytes, SECTOR_BYTES, 0, CRC_OFFSET + 4);
  return { bytes, chain };
}

/**
 * The header of `segment`, from either copy that carries this number, or undefined when neither
 * is whole. Throws EDGE_UNSUPPORTED for a whole header of another format version.
 */
export function decodeSegmentHeader(segment: Buffer, number: number): SegmentHeader | undefined {
  for (const start of [0, SECTOR_BYTES]) {
    const header = decodeCopy(segment.subarray(start, start + CRC_OFFSET + 4));
    if (header?.number === number) return header;
  }
  return undefined;
}

function decodeCopy(copy: Buffer): SegmentHeader | undefined {
  if (copy.length < CRC_OFFSET + 4 || !copy.subarray(0, MAGIC.length).equals(MAGIC)) return;
  const chain = crc32(copy.subarray(0, CRC_OFFSET));
  if (chain !== copy.readUInt32LE(CRC_OFFSET)) return undefined;
  const version = copy.readUInt32LE(8);
  if (version !== VERSION) throw unsupportedFormat('journal', version);
  return {
    number: copy.readUInt32LE(12),
    previousChain: copy.readUInt32LE(16),
    bytes: copy.readUInt32LE(SIZE_OFFSET),
    fresh: (copy.readUInt32LE(20) & FRESH) !== 0,
    chain,
  };
}

export function unsupportedFormat(what: string, version: number): EdgeError {
  return new EdgeError('EDGE_UNSUPPORTED', `the ${what} has format version ${version}`, {
    hint: 'Run the program version that wrote this data folder, or restore a backup of it.',
  });
}
