import test from 'ava';
import { CHECKSUM_KINDS, checksumHolds, checksumOf } from './checksum.js';
import type { Checksum, ChecksumKind } from './checksum.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

// The check values of the CRC catalogue: the algorithm over "123456789".
const CHECKS: Partial<Record<ChecksumKind, number>> = {
  'crc8-maxim': 0xa1,
  'crc16-modbus': 0x4b37,
  'crc16-arc': 0xbb3d,
  'crc16-ccitt': 0x29b1,
  sum8: 0xdd,
  lrc: 0x23,
};

for (const [kind, value] of Object.entries(CHECKS))
  test(`${kind} of 123456789 is ${value.toString(16)}`, (t) => {
    t.is(checksumOf(kind as ChecksumKind, ascii('123456789')), value);
  });

const FRAMES: readonly (readonly [string, Uint8Array, Checksum])[] = [
  [
    'SDS011, a frame as it was seen',
    hex('aac0 8c00 9400 bcf9 d5ab'),
    { kind: 'sum8', from: 2, to: -2, at: -2, hex: false },
  ],
  [
    'MH-Z19B, its request as the data sheet has it',
    hex('ff 01 86 00 00 00 00 00 79'),
    { kind: 'sum8-twos', from: 1, to: -1, at: -1, hex: false },
  ],
  [
    'SenseAir S8, its request as two sources have it',
    hex('fe 04 00 03 00 01 d5 c5'),
    { kind: 'crc16-modbus', from: 0, to: -2, at: -2, hex: false },
  ],
  [
    'an NMEA sentence',
    ascii('$GPGLL,4916.45,N,12311.12,W,225444,A*31'),
    { kind: 'xor8', from: 1, to: -3, at: -2, hex: true },
  ],
];

for (const [name, frame, checksum] of FRAMES)
  test(`${name}: it holds, and no flipped bit does`, (t) => {
    t.true(checksumHolds(frame, checksum));
    const [from, to] = [checksum.from, frame.length + checksum.to];
    for (let bit = from * 8; bit < to * 8; bit++) {
      const bad = Uint8Array.from(frame);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      t.false(checksumHolds(bad, checksum));
    }
  });

test('a frame that is too short for its checksum holds none', (t) => {
  for (const kind of CHECKSUM_KINDS)
    for (let length = 0; length < 4; length++) {
      const frame = new Uint8Array(length).fill(1);
      t.false(checksumHolds(frame, { kind, from: 2, to: -2, at: -2, hex: true }));
    }
});

test('digits that are not hexadecimal are no checksum', (t) => {
  t.false(checksumHolds(ascii('$A*zz'), { kind: 'xor8', from: 1, to: -3, at: -2, hex: true }));
});
