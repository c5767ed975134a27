import {
  decodeReply,
  EXCEPTION_BIT,
  functionCode,
  replyLengthIn,
  setWord,
  word,
  type ModbusReply,
  type ModbusRequest,
} from './frame.js';

/**
 * Whole frames as pure functions, for any bytes: MODBUS over Serial Line V1.02 section 2.5.1 (RTU
 * and its CRC) and Messaging on TCP/IP V1.0b section 3 (MBAP).
 */

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
  | { readonly found: true; readonly reply: ModbusReply; readonly start: number }
  | { readonly found: false; readonly crcError: boolean };

/**
 * Looks for the reply to `request` anywhere in the bytes: noise, an echo of the request and
 * frames of others before it are passed over byte by byte, because only the CRC can tell.
 * `crcError`: bytes of the reply's form and full length are there, with a wrong checksum.
 */
export function findRtuReply(request: ModbusRequest, bytes: Uint8Array): RtuSearch {
  const code = functionCode(request);
  let crcError = false;
  for (let start = 0; start + 4 <= bytes.length; start += 1) {
    if (bytes[start] !== request.unit) continue;
    const second = bytes[start + 1];
    if (second !== code && second !== (code | EXCEPTION_BIT)) continue;
    const length = second === code ? replyLengthIn(request, bytes, start + 1) : 2;
    if (length === undefined) continue;
    const crcAt = start + 1 + length;
    if (crcAt + 2 > bytes.length) continue;
    if (crc16(bytes, start, crcAt) === ((bytes[crcAt] ?? 0) | ((bytes[crcAt + 1] ?? 0) << 8))) {
      const reply = decodeReply(request, bytes.subarray(start + 1, crcAt));
      if (reply !== undefined) return { found: true, reply, start };
    } else {
      crcError = true;
    }
  }
  return { found: false, crcError };
}

/** One TCP frame: transaction, protocol 0, length, unit, function code and data. */
export function frameMbap(transaction: number, unit: number, pdu: Uint8Array): Uint8Array {
  const frame = new Uint8Array(pdu.length + 7);
  setWord(frame, 0, transaction);
  setWord(frame, 4, pdu.length + 1);
  frame[6] = unit;
  frame.set(pdu, 7);
  return frame;
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
