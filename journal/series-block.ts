import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { crc32 } from './checksum.js';
import { SERIES_LIMITS } from './series-limits.js';
import type { SeriesRow } from './series-text.js';
import { joinRows, splitRows } from './series-text.js';
import { corrupt } from './storage-error.js';

/** What is known of a block without reading it: all of it stands in the name of its file. */
export interface BlockFacts {
  /** Numbers of its first and last row; none is missing between them. */
  readonly from: number;
  readonly to: number;
  /** Earliest and latest time of its rows. */
  readonly earliest: number;
  readonly latest: number;
  /** Bytes of its file. */
  readonly bytes: number;
}

/** Magic, from, base time, rows, inflated bytes, CRC-32 of all else; then raw deflate. */
const HEADER_BYTES = 32;
const CRC_AT = 28;
const MAGIC = 0x31425345; // "ESB1"
const SUFFIX = '.block';

/** Rows without a gap as the bytes of a file. Level 6: the next ones win under 2 %. */
export function encodeBlock(rows: readonly SeriesRow[]): { facts: BlockFacts; bytes: Uint8Array } {
  const [first] = rows;
  if (first === undefined) throw corrupt('a block without rows', 'report this');
  const text = Buffer.from(joinRows(rows, first.time), 'utf8');
  const body = deflateRawSync(text, { level: constants.Z_DEFAULT_COMPRESSION });
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeDoubleLE(first.n, 4);
  bytes.writeDoubleLE(first.time, 12);
  bytes.writeUInt32LE(rows.length, 20);
  bytes.writeUInt32LE(text.length, 24);
  body.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32LE(checksum(bytes), CRC_AT);
  let [earliest, latest] = [first.time, first.time];
  for (const { time } of rows) {
    earliest = Math.min(earliest, time);
    latest = Math.max(latest, time);
  }
  const to = first.n + rows.length - 1;
  return { facts: { from: first.n, to, earliest, latest, bytes: bytes.length }, bytes };
}

/** Throws EDGE_STORAGE_CORRUPT for anything but the very block that `facts` tells of. */
export function decodeBlock(bytes: Uint8Array, facts: BlockFacts): SeriesRow[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = file.length === facts.bytes && file.length > HEADER_BYTES;
  if (!whole || file.readUInt32LE(0) !== MAGIC || file.readUInt32LE(CRC_AT) !== checksum(file))
    throw damaged(facts);
  const [from, base] = [file.readDoubleLE(4), file.readDoubleLE(12)];
  const [count, textBytes] = [file.readUInt32LE(20), file.readUInt32LE(24)];
  if (from !== facts.from || count !== facts.to - from + 1) throw damaged(facts);
  if (textBytes > SERIES_LIMITS.inflatedBytes) throw damaged(facts);
  let text: Buffer;
  try {
    text = inflateRawSync(file.subarray(HEADER_BYTES), { maxOutputLength: textBytes });
  } catch {
    throw damaged(facts);
  }
  const rows = splitRows(text.toString('utf8'), from, base);
  if (rows.length !== count) throw damaged(facts);
  return rows;
}

/** Numbers in base 36, so that any five of them fit into the name of a stored file. */
export function blockName({ from, to, earliest, latest, bytes }: BlockFacts): string {
  const parts = [from, to, earliest, latest, bytes];
  return `${parts.map((part) => part.toString(36)).join('-')}${SUFFIX}`;
}

/** Undefined for a name that is no block's. */
export function blockFacts(name: string): BlockFacts | undefined {
  if (!/^[0-9a-z]{1,11}(-[0-9a-z]{1,11}){4}\.block$/.test(name)) return undefined;
  const numbers = name
    .slice(0, -SUFFIX.length)
    .split('-')
    .map((part) => Number.parseInt(part, 36));
  const [from = 0, to = 0, earliest = 0, latest = 0, bytes = 0] = numbers;
  const sound = numbers.every(Number.isSafeInteger) && from >= 1 && from <= to;
  return sound ? { from, to, earliest, latest, bytes } : undefined;
}

/** What a block costs on the disk. */
export function blockCost({ bytes }: BlockFacts): number {
  const { fileGrain } = SERIES_LIMITS;
  return Math.ceil(bytes / fileGrain) * fileGrain;
}

function checksum(file: Buffer): number {
  return crc32(file.subarray(HEADER_BYTES), crc32(file.subarray(0, CRC_AT)));
}

function damaged({ from, to }: BlockFacts): Error {
  return corrupt(
    `the block of rows ${from} to ${to} is damaged`,
    'Its rows are given up and counted; look at the disk.',
  );
}
