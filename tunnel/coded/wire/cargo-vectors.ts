import type { Cargo } from './cargo.js';

/** The published examples of what symbols carry, format version 1. */
export const CARGO_VECTORS: readonly {
  readonly name: string;
  readonly hex: string;
  readonly cargos: readonly Cargo[];
}[] = [
  {
    name: 'a twin message of two bytes',
    hex: '016869',
    cargos: [{ kind: 'message', priority: 'twin', data: bytes('6869') }],
  },
  {
    name: 'a piece of a bulk message',
    hex: '1305447880010000c0ffee',
    cargos: [
      {
        kind: 'part',
        priority: 'bulk',
        message: 5,
        offset: 1_144,
        total: 65_536,
        data: bytes('c0ffee'),
      },
    ],
  },
  {
    name: 'the last bytes of a stream',
    hex: '210440400d0a',
    cargos: [{ kind: 'stream', stream: 4, offset: 64, fin: true, data: bytes('0d0a') }],
  },
  {
    name: 'a stream is given up after 100 bytes',
    hex: '3003114064',
    cargos: [{ kind: 'streamReset', stream: 3, code: 17, offset: 100 }],
  },
  {
    name: 'two empty control messages and a word share a symbol',
    hex: '800100010003500602',
    cargos: [
      { kind: 'message', priority: 'control', data: bytes('') },
      { kind: 'message', priority: 'control', data: bytes('') },
      { kind: 'streamCredit', stream: 6, limit: 2 },
    ],
  },
  {
    name: 'limits of a stream, of the class of bulk and of the number of streams; stop',
    hex: '80065000800800000563804000000390409f03400405',
    cargos: [
      { kind: 'streamCredit', stream: 0, limit: 524_288 },
      { kind: 'classCredit', priority: 'bulk', limit: 4_194_304 },
      { kind: 'streamsCredit', limit: 159 },
      { kind: 'streamStop', stream: 4, code: 5 },
    ],
  },
];

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
