import { seededRandom } from '#protocol/random.js';
import { frameMbap, frameRtu } from '#mappers/modbus/adu.js';
import { AsciiFraming, frameAscii } from '#mappers/modbus/ascii-framing.js';
import type { ModbusRequest } from '#mappers/modbus/frame.js';
import type { Framing } from '#mappers/modbus/framing.js';
import { MbapFraming } from '#mappers/modbus/mbap-framing.js';
import { RtuFraming } from '#mappers/modbus/rtu-framing.js';
import { CHECKSUM_KINDS } from '#mappers/serial/checksum.js';
import { extract } from '#mappers/serial/extract.js';
import type { Place } from '#mappers/serial/extract.js';
import { Framer } from '#mappers/serial/framer.js';
import { delimited, fixed, lengthPrefixed, lines, startEnd } from '#mappers/serial/matcher.js';
import { compilePattern } from '#mappers/serial/pattern.js';
import { cobs, slip } from '#mappers/serial/stuffing.js';
import type { FuzzTarget } from './fuzzer.js';

const READ: ModbusRequest = { op: 'read', unit: 7, kind: 'holding', offset: 0, count: 2 };
const REQUESTS: readonly ModbusRequest[] = [
  READ,
  { op: 'read', unit: 7, kind: 'coil', offset: 0, count: 9 },
  { op: 'write', unit: 7, kind: 'holding', offset: 3, words: [1, 2] },
  { op: 'identify', unit: 7, level: 1, object: 0 },
  { op: 'call', unit: 7, code: 0x64, data: [1], replyBytes: 3 },
];

const REPLIES = [
  [3, 4, 0, 1, 0, 2],
  [1, 2, 0xff, 1],
  [16, 0, 3, 0, 2],
  [0x2b, 14, 1, 1, 0, 0, 1, 0, 2, 0x41, 0x42],
  [0x64, 1, 2, 3],
  [0x83, 2],
].map((pdu) => Uint8Array.from(pdu));

/** The first byte chooses the request; the rest comes in two pieces, then the transaction ends. */
function modbus(
  name: string,
  make: () => Framing,
  frame: (pdu: Uint8Array) => Uint8Array,
): FuzzTarget {
  return {
    name,
    rows: 'D31',
    corpus: REPLIES.flatMap((pdu) =>
      REQUESTS.map((_, index) => Buffer.concat([Buffer.of(index), frame(pdu)])),
    ),
    fuzz: (data) => {
      const framing = make();
      const request = REQUESTS[(data[0] ?? 0) % REQUESTS.length] ?? READ;
      const { key } = framing.begin(request);
      const middle = 1 + (data.length >> 1);
      const first = framing.receive(data.subarray(1, middle)).answers.length;
      const second = framing.receive(data.subarray(middle)).answers.length;
      framing.giveUp(key);
      framing.receive(data.subarray(1));
      return first + second > 0;
    },
  };
}

const SYNC = Uint8Array.of(0xaa, 0x55);
const END = Uint8Array.of(0x0d, 0x0a);
const MATCHERS = [
  lines(512),
  delimited(END, 512),
  fixed(SYNC, 9),
  lengthPrefixed(SYNC, { at: 2, type: 'uint16le', add: 4 }, 512),
  startEnd(Uint8Array.of(0x2f), Uint8Array.of(0x21), 2_048, 4),
  slip(512),
  cobs(512),
];
const PLACES: readonly Place[] = [
  { kind: 'bytes', at: 2, type: 'uint16be' },
  { kind: 'bytes', at: -4, type: 'float32le' },
  { kind: 'bytes', at: 0, type: 'uint8' },
  { kind: 'pattern', pattern: compilePattern('T=([0-9.]+)') },
  { kind: 'json', path: ['a', 0, 'b'] },
  { kind: 'column', column: 2, separator: ';' },
  { kind: 'nmea', sentence: 'MWV', field: 1 },
  { kind: 'obis', code: '1-0:1.8.1' },
];
const ONE = { digits: 1n, exponent: 0 };
const ZERO = { digits: 0n, exponent: 0 };
const NAMES = new Map([['1', 'on']]);
const random = seededRandom(3);

const serial: FuzzTarget = {
  name: 'frames of serial sensors',
  rows: 'D31',
  corpus: [
    ...['T=20.5 C\r\n', '{"a":[{"b":1.5}]}\n', '1;2;3.5\r\n', '$WIMWV,214.8,R,0.1,K,A*28\r\n'],
    '/ISK5\r\n1-0:1.8.1(001234.567*kWh)\r\n!1A2B\r\n',
  ]
    .map((text) => Buffer.concat([Buffer.of(0, 0), Buffer.from(text)]))
    .concat(
      Buffer.of(2, 1, 0xaa, 0x55, 1, 2, 3, 4, 5, 6, 7),
      Buffer.of(3, 2, 0xaa, 0x55, 4, 0, 1, 2, 3, 4),
      Buffer.of(5, 3, 0xc0, 1, 2, 0xdb, 0xdc, 0xc0),
      Buffer.of(6, 4, 3, 1, 2, 2, 1, 0),
    ),
  fuzz: (data) => {
    const kind = CHECKSUM_KINDS[(data[1] ?? 0) % (CHECKSUM_KINDS.length * 2)];
    const checksum =
      kind === undefined ? undefined : { kind, from: 0, tail: 0, hex: false, of: 'frame' };
    const framer = new Framer(
      MATCHERS[(data[0] ?? 0) % MATCHERS.length] ?? lines(512),
      checksum as never,
    );
    const middle = 2 + Math.floor(random.unit() * Math.max(0, data.length - 2));
    const frames = [
      ...framer.push(data.subarray(2, middle)),
      ...framer.push(data.subarray(middle)),
      ...framer.silence(true),
    ];
    for (const frame of frames.slice(0, 16))
      for (const place of PLACES) {
        const visitor = { place, startsWith: new Uint8Array(0), scale: ONE, offset: ZERO };
        extract(visitor, 'float', frame);
        extract({ ...visitor, bits: { from: 3, width: 2 }, names: NAMES }, 'string', frame);
        extract({ ...visitor, precision: 1, clamp: [ZERO, ONE] }, 'string', frame);
      }
    return frames.length > 0;
  },
};

export const LINE_TARGETS: readonly FuzzTarget[] = [
  modbus(
    'Modbus RTU',
    () => new RtuFraming(19_200),
    (pdu) => frameRtu(7, pdu),
  ),
  modbus(
    'Modbus ASCII',
    () => new AsciiFraming(19_200),
    (pdu) => frameAscii(7, pdu),
  ),
  modbus(
    'Modbus TCP',
    () => new MbapFraming(),
    (pdu) => frameMbap(1, 7, pdu),
  ),
  serial,
];
