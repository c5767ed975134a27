import type { Frame } from './frame.js';
import { WIRE_VERSION, type PacketHeader } from './packet-header.js';

/**
 * The published examples of the wire format, version 1: packets before they are sealed. Any other
 * implementation must read and write exactly these bytes.
 */
export const WIRE_VECTORS: readonly {
  readonly name: string;
  readonly hex: string;
  readonly header: PacketHeader;
  readonly frames: readonly Frame[];
}[] = [
  {
    name: 'a client asks for a session',
    hex: 'c04554000108010203040506070808111213141516171800000000001300000316030100',
    header: {
      kind: 'initial',
      version: WIRE_VERSION,
      destination: bytes('0102030405060708'),
      source: bytes('1112131415161718'),
      token: bytes(''),
      packetNumber: 0,
    },
    frames: [{ kind: 'handshake', offset: 0, data: bytes('160301') }, { kind: 'padding' }],
  },
  {
    name: 'a hub wants the address proved first',
    hex: 'e04554000108111213141516171808212223242526272803c0ffee00000000',
    header: {
      kind: 'retry',
      version: WIRE_VERSION,
      destination: bytes('1112131415161718'),
      source: bytes('2122232425262728'),
      token: bytes('c0ffee'),
      packetNumber: 0,
    },
    frames: [],
  },
  {
    name: 'a message of two bytes alone in its packet',
    hex: '40f1f2f3f4f5f6f7f80000000706000102016869',
    header: short(0, false, 7),
    frames: [{ kind: 'source', symbol: 258, data: bytes('016869') }],
  },
  {
    name: 'a retransmission that brings a coded row along and wants an answer',
    hex: '70f1f2f3f4f5f6f7f8ffffffff07ffffff000200aa0afffffa090201a1010002deadbeef',
    header: short(1, true, 4_294_967_295),
    frames: [
      { kind: 'source', symbol: 16_777_215, data: bytes('00aa') },
      {
        kind: 'repair',
        start: 16_777_210,
        span: 9,
        seed: 513,
        members: bytes('a101'),
        data: bytes('0002deadbeef'),
      },
    ],
  },
  {
    name: 'the second half of a symbol that is too long for the path',
    hex: '40f1f2f3f4f5f6f7f8000000081600010205dc0600cafe',
    header: short(0, false, 8),
    frames: [{ kind: 'piece', symbol: 258, offset: 1_500, total: 1_536, data: bytes('cafe') }],
  },
  {
    name: 'a row over a whole window, and one with its coefficients',
    hex: '40f1f2f3f4f5f6f7f80000000809000005030001000201020c000005030100020304',
    header: short(0, false, 8),
    frames: [
      { kind: 'repair', start: 5, span: 3, seed: 1, members: undefined, data: bytes('0102') },
      { kind: 'vector', start: 5, coefficients: bytes('010002'), data: bytes('0304') },
    ],
  },
  {
    name: 'a recoded packet of a batch of sixteen',
    hex: '40f1f2f3f4f5f6f7f8000000090e00000300003010000102030405060708090a0b0c0d0e0fffee',
    header: short(0, false, 9),
    frames: [
      {
        kind: 'batch',
        batch: 3,
        start: 48,
        coefficients: bytes('000102030405060708090a0b0c0d0e0f'),
        data: bytes('ffee'),
      },
    ],
  },
  {
    name: 'an acknowledgement with gaps as a bitmap, the symbols known, when packets arrived',
    hex: '40f1f2f3f4f5f6f7f80000000a03000000280190002501160400001e01010605000000280001e24002020020010010',
    header: short(0, false, 10),
    frames: [
      { kind: 'ack', largest: 40, delayMs: 12.5, received: 37, runs: [1, 1, 2, 1, 1] },
      { kind: 'symbols', base: 30, undecided: 1, known: bytes('06') },
      {
        kind: 'arrivals',
        largest: 40,
        time: 123_456,
        earlier: [
          { numberBack: 2, timeBack: 32 },
          { numberBack: 1, timeBack: 16 },
        ],
      },
    ],
  },
  {
    name: 'an acknowledgement of a long history as runs',
    hex: '40f1f2f3f4f5f6f7f80000000b0200015f900001ffff0341f40280004000',
    header: short(0, false, 11),
    frames: [
      { kind: 'ack', largest: 90_000, delayMs: 0.03125, received: 65_535, runs: [500, 2, 16_384] },
    ],
  },
  {
    name: 'a new path is tried with another connection id',
    hex: '50f1f2f3f4f5f6f7f80000000c10a0a1a2a3a4a5a6a711b0b1b2b3b4b5b6b71402013132333435363738404142434445464748494a4b4c4d4e4f01',
    header: short(0, true, 12),
    frames: [
      { kind: 'pathChallenge', data: bytes('a0a1a2a3a4a5a6a7') },
      { kind: 'pathResponse', data: bytes('b0b1b2b3b4b5b6b7') },
      {
        kind: 'connectionId',
        sequence: 2,
        retireBefore: 1,
        connectionId: bytes('3132333435363738'),
        resetToken: bytes('404142434445464748494a4b4c4d4e4f'),
      },
      { kind: 'ping' },
    ],
  },
  {
    name: 'goodbye',
    hex: '40f1f2f3f4f5f6f7f80000000d120003627965',
    header: short(0, false, 13),
    frames: [{ kind: 'close', code: 0, detail: bytes('627965') }],
  },
];

function short(keyPhase: 0 | 1, ackNow: boolean, packetNumber: number): PacketHeader {
  return { kind: 'short', keyPhase, ackNow, connectionId: bytes('f1f2f3f4f5f6f7f8'), packetNumber };
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
