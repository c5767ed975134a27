/**
 * Requests and replies as pure functions, for any bytes: MODBUS Application Protocol V1.1b3
 * section 6. A reply counts only when function, byte count and the echo of a write fit the request.
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
      /** One value too by function 15 or 16: some devices know no other. */
      readonly several?: true;
    }
  | {
      /** Function 22: register = (register AND and) OR (or AND NOT and). */
      readonly op: 'mask';
      readonly unit: number;
      readonly offset: number;
      readonly and: number;
      readonly or: number;
    }
  | {
      /** Function 43/14: `level` 1 to 3 for all objects of a kind from `object` on. */
      readonly op: 'identify';
      readonly unit: number;
      readonly level: number;
      readonly object: number;
    }
  | {
      /** A function of the maker's own, whose reply has a known length; its data come as `words`. */
      readonly op: 'call';
      readonly unit: number;
      readonly code: number;
      readonly data: readonly number[];
      readonly replyBytes: number;
    };

/** `words`: registers, or one 0 or 1 a bit, or bytes of an `identify` or `call`; none for a write. */
export type ModbusReply =
  | { readonly kind: 'data'; readonly words: readonly number[] }
  | { readonly kind: 'exception'; readonly code: number };

/** Most registers and bits of one read (V1.1b3 sections 6.1 to 6.4) and of one write (6.11, 6.12). */
export const READ_MAX = { registers: 125, bits: 2000 } as const;
export const WRITE_MAX = { registers: 123, bits: 1968 } as const;

const READ_FUNCTION: Record<RegisterKind, number> = { coil: 1, discrete: 2, holding: 3, input: 4 };
export const EXCEPTION_BIT = 0x80;
const IDENTIFY = 43;
/** The MEI type of `identify`, and the bytes before its objects, function code included. */
const DEVICE_IDENTIFICATION = 14;
const IDENTIFY_HEAD = 7;
/** Bytes of a write of several before its data, function code included. */
const WRITE_HEAD = 6;
/** Most bytes of function code and data (V1.1b3 section 4.1). */
export const PDU_MAX = 253;
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
  if (request.op === 'mask') return 22;
  if (request.op === 'identify') return IDENTIFY;
  if (request.op === 'call') return request.code;
  if (request.kind === 'coil') return isSingle(request) ? 5 : 15;
  return isSingle(request) ? 6 : 16;
}

type WriteRequest = Extract<ModbusRequest, { op: 'write' }>;

function isSingle({ words, several }: WriteRequest): boolean {
  return words.length === 1 && several !== true;
}

/** Function code and data, without unit and checksum: at most 253 bytes. */
export function encodeRequest(request: ModbusRequest): Uint8Array {
  const pdu = new Uint8Array(requestLength(request));
  pdu[0] = functionCode(request);
  switch (request.op) {
    case 'identify':
      pdu.set([DEVICE_IDENTIFICATION, request.level, request.object], 1);
      return pdu;
    case 'call':
      pdu.set(request.data, 1);
      return pdu;
    case 'read':
      setWord(pdu, 1, request.offset);
      setWord(pdu, 3, request.count);
      return pdu;
    case 'mask':
      setWord(pdu, 1, request.offset);
      setWord(pdu, 3, request.and);
      setWord(pdu, 5, request.or);
      return pdu;
    case 'write':
      setWord(pdu, 1, request.offset);
      encodeWrite(request, pdu);
      return pdu;
  }
}

function encodeWrite(request: WriteRequest, pdu: Uint8Array): void {
  const { kind, words } = request;
  if (isSingle(request)) {
    const [only = 0] = words;
    setWord(pdu, 3, kind === 'holding' ? only : only === 0 ? 0 : COIL_ON);
    return;
  }
  setWord(pdu, 3, words.length);
  pdu[5] = pdu.length - WRITE_HEAD;
  if (kind === 'coil') pdu.set(packBits(words), WRITE_HEAD);
  else words.forEach((one, at) => setWord(pdu, WRITE_HEAD + 2 * at, one));
}

/** Length of the request's function code and data. */
export function requestLength(request: ModbusRequest): number {
  switch (request.op) {
    case 'read':
      return 5;
    case 'mask':
      return 7;
    case 'identify':
      return 4;
    case 'call':
      return 1 + request.data.length;
    case 'write': {
      if (isSingle(request)) return 5;
      const count = request.words.length;
      return WRITE_HEAD + (request.kind === 'coil' ? (count + 7) >> 3 : count * 2);
    }
  }
}

/** Length of the normal reply's function code and data; the least one of an `identify`. */
export function replyLength(request: ModbusRequest): number {
  switch (request.op) {
    case 'write':
      return 5;
    case 'mask':
      return 7;
    case 'identify':
      return IDENTIFY_HEAD;
    case 'call':
      return 1 + request.replyBytes;
    case 'read':
      return 2 + (isBits(request.kind) ? (request.count + 7) >> 3 : request.count * 2);
  }
}

/**
 * Length of the reply that begins at `start`, which an `identify` only tells itself: a list of
 * objects, each with its length. Undefined while too little of it is there.
 */
export function replyLengthIn(
  request: ModbusRequest,
  bytes: Uint8Array,
  start: number,
): number | undefined {
  if (request.op !== 'identify') return replyLength(request);
  let length = IDENTIFY_HEAD;
  for (let object = bytes[start + IDENTIFY_HEAD - 1] ?? 0; object > 0; object -= 1) {
    const own = bytes[start + length + 1];
    if (own === undefined) return undefined;
    length += 2 + own;
    if (length > PDU_MAX) return undefined;
  }
  return length;
}

/** Reads a reply's function code and data; undefined when it does not answer this request. */
export function decodeReply(request: ModbusRequest, pdu: Uint8Array): ModbusReply | undefined {
  const code = functionCode(request);
  if (pdu[0] === (code | EXCEPTION_BIT) && pdu.length === 2)
    return { kind: 'exception', code: pdu[1] ?? 0 };
  if (pdu[0] !== code || pdu.length !== replyLengthIn(request, pdu, 0)) return undefined;
  if (request.op === 'call') return { kind: 'data', words: [...pdu.subarray(1)] };
  if (request.op === 'identify')
    return pdu[1] === DEVICE_IDENTIFICATION && pdu[2] === request.level
      ? { kind: 'data', words: [...pdu.subarray(1)] }
      : undefined;
  if (request.op !== 'read') {
    const sent = encodeRequest(request);
    return pdu.every((byte, at) => byte === sent[at]) ? { kind: 'data', words: [] } : undefined;
  }
  if (pdu[1] !== pdu.length - 2) return undefined;
  const words: number[] = [];
  const areBits = isBits(request.kind);
  for (let at = 0; at < request.count; at += 1)
    words.push(areBits ? ((pdu[2 + (at >> 3)] ?? 0) >> (at & 7)) & 1 : word(pdu, 2 + at * 2));
  return { kind: 'data', words };
}

export function pair(value: number): [number, number] {
  return [(value >> 8) & 0xff, value & 0xff];
}

export function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function packBits(bits: readonly number[]): number[] {
  const packed = new Array<number>((bits.length + 7) >> 3).fill(0);
  bits.forEach((bit, at) => {
    if (bit !== 0) packed[at >> 3] = (packed[at >> 3] ?? 0) | (1 << (at & 7));
  });
  return packed;
}
