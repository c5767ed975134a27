/**
 * Checksums of serial sensors. Each is computed over a range of the frame and compared with what
 * stands at `at`, as bytes or as hexadecimal digits.
 */
export interface Checksum {
  readonly kind: ChecksumKind;
  /** First byte that is summed and the byte after the last; negative counts from the frame's end. */
  readonly from: number;
  readonly to: number;
  /** Where it stands; negative counts from the frame's end. */
  readonly at: number;
  readonly hex: boolean;
}

interface Algorithm {
  readonly bytes: 1 | 2;
  /** CRC-16/MODBUS and its like are sent low byte first. */
  readonly lowFirst?: true;
  compute(bytes: Uint8Array): number;
}

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0);

/** The bit-wise form: frames are short, and the one table that is hot belongs to Modbus. */
function reflected(polynomial: number, initial: number): (bytes: Uint8Array) => number {
  return (bytes) => {
    let crc = initial;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    }
    return crc;
  };
}

function forward16(polynomial: number, initial: number): (bytes: Uint8Array) => number {
  return (bytes) => {
    let crc = initial;
    for (const byte of bytes) {
      crc ^= byte << 8;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ polynomial : crc << 1;
      crc &= 0xffff;
    }
    return crc;
  };
}

/** Names and parameters as the catalogue of CRC algorithms and the sensors' data sheets have them. */
const ALGORITHMS = {
  sum8: { bytes: 1, compute: (bytes) => sum(bytes) & 0xff },
  /** MH-Z19: 0xff - sum + 1. */
  'sum8-twos': { bytes: 1, compute: (bytes) => -sum(bytes) & 0xff },
  /** NMEA 0183. */
  xor8: { bytes: 1, compute: (bytes) => bytes.reduce((total, byte) => total ^ byte, 0) },
  /** Modbus ASCII, Serial Line V1.02 section 2.5.2.2. */
  lrc: { bytes: 1, compute: (bytes) => -sum(bytes) & 0xff },
  /** CRC-8/MAXIM-DOW. */
  'crc8-maxim': { bytes: 1, compute: reflected(0x8c, 0) },
  /** Plantower PMS. */
  sum16be: { bytes: 2, compute: (bytes) => sum(bytes) & 0xffff },
  sum16le: { bytes: 2, lowFirst: true, compute: (bytes) => sum(bytes) & 0xffff },
  'crc16-modbus': { bytes: 2, lowFirst: true, compute: reflected(0xa001, 0xffff) },
  /** CRC-16/ARC: DSMR P1, there as hexadecimal digits. */
  'crc16-arc': { bytes: 2, compute: reflected(0xa001, 0) },
  /** CRC-16/CCITT-FALSE (IBM-3740). */
  'crc16-ccitt': { bytes: 2, compute: forward16(0x1021, 0xffff) },
} as const satisfies Readonly<Record<string, Algorithm>>;

export type ChecksumKind = keyof typeof ALGORITHMS;

export const CHECKSUM_KINDS = Object.keys(ALGORITHMS) as ChecksumKind[];

/** How many bytes of a frame it takes. */
export function checksumBytes(kind: ChecksumKind, hex: boolean): number {
  return ALGORITHMS[kind].bytes * (hex ? 2 : 1);
}

export function checksumOf(kind: ChecksumKind, bytes: Uint8Array): number {
  return ALGORITHMS[kind].compute(bytes);
}

/** False also when the frame is too short for it. */
export function checksumHolds(frame: Uint8Array, checksum: Checksum): boolean {
  const index = (position: number): number => (position < 0 ? frame.length + position : position);
  const [from, to, at] = [index(checksum.from), index(checksum.to), index(checksum.at)];
  const width = checksumBytes(checksum.kind, checksum.hex);
  if (from < 0 || to < from || to > frame.length || at < 0 || at + width > frame.length)
    return false;
  const found = readChecksum(frame.subarray(at, at + width), checksum);
  return found === checksumOf(checksum.kind, frame.subarray(from, to));
}

function readChecksum(bytes: Uint8Array, { kind, hex }: Checksum): number | undefined {
  if (hex) {
    const text = String.fromCharCode(...bytes);
    return /^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : undefined;
  }
  const algorithm: Algorithm = ALGORITHMS[kind];
  const ordered = algorithm.lowFirst === true ? bytes.toReversed() : bytes;
  return ordered.reduce((value, byte) => value * 256 + byte, 0);
}
