/**
 * Modbus frames as pure functions, for any bytes: MODBUS Application Protocol V1.1b3 section 6,
 * MODBUS over Serial Line V1.02 section 2.5.1 (RTU, CRC), Messaging on TCP/IP V1.0b section 3 (MBAP).
 * A reply counts only when unit, function, byte count and the echo of a write all fit the request.
 */
export type RegisterKind = 'coil' | 'discrete' | 'holding' | 'input';

export type ModbusRequest =
  | {
      readonly op: 'read';
      readonly unit: number;
      readonly kind: RegisterKind;
      readonly offset: number;
      readonly count: number;
    }
  | {
      readonly op: 'write';
      readonly unit: number;
      readonly kind: 'coil' | 'holding';
      readonly offset: number;
      /** Registers 0..65535, or coils 0 and 1. One value: function 5 or 6, several: 15 or 16. */
      readonly words: readonly number[];
    };

/** `words`: registers, or one 0 or 1 a bit; empty for a write. */
export type ModbusReply =
  | { readonly kind: 'data'; readonly words: readonly number[] }
  | { readonly kind: 'exception'; readonly code: number };

/** Most registers and bits of one read (V1.1b3 sections 6.1 to 6.4) and of one write (6.11, 6.12). */
export const READ_MAX = { registers: 125, bits: 2000 } as const;
export const WRITE_MAX = { registers: 123, bits: 1968 } as const;

const READ_FUNCTION: Record<RegisterKind, number> = { coil: 1, discrete: 2, holding: 3, input: 4 };
const EXCEPTION_BIT = 0x80;
const COIL_ON = 0xff00;

const EXCEPTION_NAMES: Readonly<Record<number, string>> = {
  1: 'ILLEGAL FUNCTION',
  2: 'ILLEGAL DATA ADDRESS',
  3: 'ILLEGAL DATA VALUE',
  4: 'SERVER DEVICE FAILURE',
  5: 'ACKNOWLEDGE',
  6: 'SERVER DEVICE BUSY',
  8: 'MEMORY PARITY ERROR',
  10: 'GATEWAY PATH UNAVAILABLE',
  11: 'GATEWAY TARGET DEVICE FAILED TO RESPOND',
};

/** The name of an exception code (V1.1b3 section 7). */
export function exceptionName(code: number): string {
  return EXCEPTION_NAMES[code] ?? 'UNKNOWN EXCEPTION';
}

export function isBits(kind: RegisterKind): boolean {
  return kind === 'coil' || kind === 'discrete';
}

export function functionCode(request: ModbusRequest): number {
  if (request.op === 'read') return READ_FUNCTION[request.kind];
  if (request.kind === 'coil') return request.words.length === 1 ? 5 : 15;
  return request.words.length === 1 ? 6 : 16;
}

/** Function code and data, without unit and checksum: at most 253 bytes. */
export function encodeRequest(request: ModbusRequest): Uint8Array {
  const code = functionCode(request);
  const head = [code, request.offset >> 8, request.offset & 0xff];
  if (request.op === 'read')
    return Uint8Array.from([...head, request.count >> 8, request.count & 0xff]);
  const { words } = request;
  if (code === 5) return Uint8Array.from([...head, ...pair(words[0] === 0 ? 0 : COIL_ON)]);
  if (code === 6) return Uint8Array.from([...head, ...pair(words[0] ?? 0)]);
  const data = code === 15 ? packBits(words) : words.flatMap(pair);
  return Uint8Array.from([...head, ...pair(words.length), data.length, ...data]);
}

/** Length of the normal reply's function code and data. */
export function replyLength(request: ModbusRequest): number {
  if (request.op === 'write') return 5;
  return 2 + (isBits(request.kind) ? (request.count + 7) >> 3 : request.count * 2);
}

/** Reads a reply's function code and data; undefined when it does not answer this request. */
export function decodeReply(request: ModbusRequest, pdu: Uint8Array): ModbusReply | undefined {
  const code = functionCode(request);
  if (pdu[0] === (code | EXCEPTION_BIT) && pdu.length === 2)
    return { kind: 'exception', code: pdu[1] ?? 0 };
  if (pdu[0] !== code || pdu.length !== replyLength(request)) return undefined;
  if (request.op === 'write') {
    const sent = encodeRequest(request);
    return pdu.every((byte, at) => byte === sent[at]) ? { kind: 'data', words: [] } : undefined;
  }
  if (pdu[1] !== pdu.length - 2) return undefined;
  const data = pdu.subarray(2);
  const words = isBits(request.kind)
    ? Array.from({ length: request.count }, (_, at) => ((data[at >> 3] ?? 0) >> (at & 7)) & 1)
    : Array.from({ length: request.count }, (_, at) => word(data, at * 2));
  return { kind: 'data', words };
}

/** CRC-16/MODBUS of the bytes from `start` to `end`. */
export function crc16(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff;
  for (let at = start; at < end; at += 1) {
    crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  }
  return crc;
}

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** One RTU frame: unit, function code and data, CRC with its low byte first. */
export function frameRtu(unit: number, pdu: Uint8Array): Uint8Array {
  const frame = new Uint8Array(pdu.length + 3);
  frame[0] = unit;
  frame.set(pdu, 1);
  const crc = crc16(frame, 0, pdu.length + 1);
  frame[pdu.length + 1] = crc & 0xff;
  frame[pdu.length + 2] = crc >> 8;
  return frame;
}

export type RtuSearch =
  | { readonly found: true; readonly reply: ModbusReply; readonly end: number }
  | { readonly found: false; readonly crcError: boolean };

/**
 * Looks for the reply to `request` anywhere in the bytes: noise, an echo of the request and
 * frames of others before it are passed over byte by byte, because only the CRC can tell.
 * `crcError`: bytes of the reply's form and full length are there, with a wrong checksum.
 */
export function findRtuReply(request: ModbusRequest, bytes: Uint8Array): RtuSearch {
  const code = functionCode(request);
  let crcError = false;
  for (let start = 0; start + 5 <= bytes.length; start += 1) {
    if (bytes[start] !== request.unit) continue;
    const second = bytes[start + 1];
    if (second !== code && second !== (code | EXCEPTION_BIT)) continue;
    const length = second === code ? replyLength(request) : 2;
    const crcAt = start + 1 + length;
    if (crcAt + 2 > bytes.length) continue;
    if (crc16(bytes, start, crcAt) === ((bytes[crcAt] ?? 0) | ((bytes[crcAt + 1] ?? 0) << 8))) {
      const reply = decodeReply(request, bytes.subarray(start + 1, crcAt));
      if (reply !== undefined) return { found: true, reply, end: crcAt + 2 };
    } else {
      crcError = true;
    }
  }
  return { found: false, crcError };
}

/** One TCP frame: transaction, protocol 0, length, unit, function code and data. */
export function frameMbap(transaction: number, unit: number, pdu: Uint8Array): Uint8Array {
  const length = pdu.length + 1;
  return Uint8Array.from([...pair(transaction), 0, 0, ...pair(length), unit, ...pdu]);
}

export interface MbapFrame {
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

/** Most bytes of one frame on TCP: 7 of header, 253 of function code and data. */
export const MBAP_MAX = 260;

/**
 * Takes the first frame off the bytes. `incomplete`: wait for more, at most MBAP_MAX in all.
 * `lost`: this is no frame, so where the next begins cannot be known: close the connection.
 */
export function takeMbap(
  bytes: Uint8Array,
):
  | { readonly kind: 'frame'; readonly frame: MbapFrame; readonly rest: Uint8Array }
  | { readonly kind: 'incomplete' | 'lost' } {
  if (bytes.length < 6) return { kind: 'incomplete' };
  const length = word(bytes, 4);
  if (word(bytes, 2) !== 0 || length < 3 || length > MBAP_MAX - 6) return { kind: 'lost' };
  if (bytes.length < 6 + length) return { kind: 'incomplete' };
  const frame = {
    transaction: word(bytes, 0),
    unit: bytes[6] ?? 0,
    pdu: bytes.slice(7, 6 + length),
  };
  return { kind: 'frame', frame, rest: bytes.subarray(6 + length) };
}

function pair(value: number): [number, number] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function packBits(bits: readonly number[]): number[] {
  const packed = new Array<number>((bits.length + 7) >> 3).fill(0);
  bits.forEach((bit, at) => {
    if (bit !== 0) packed[at >> 3] = (packed[at >> 3] ?? 0) | (1 << (at & 7));
  });
  return packed;
}
