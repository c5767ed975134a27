import { CODED_LIMITS } from '../limits.js';
import { runsOfBitmap } from './ack-runs.js';
import { ByteReader } from './byte-reader.js';
import { CONNECTION_ID_BYTES } from './packet-header.js';
import { decoded, refused, type Decoded } from './decoded.js';
import {
  ACK_BITMAP_BYTES,
  BATCH_SYMBOLS_MAX,
  FRAME,
  PATH_DATA_BYTES,
  RESET_TOKEN_BYTES,
  TICKS_PER_MS,
  WITH_LENGTH,
  type Frame,
} from './frame.js';

/** The frames of an opened payload: all of them or none. Data are views of the payload. */
export function decodeFrames(payload: Uint8Array): Decoded<readonly Frame[]> {
  const reader = new ByteReader(payload);
  const frames: Frame[] = [];
  while (reader.remaining > 0) {
    if (frames.length >= CODED_LIMITS.framesPerPacket) return refused('long');
    const frame = readFrame(reader);
    if (reader.failed) return refused('short');
    if (typeof frame === 'string') return refused(frame);
    frames.push(frame);
  }
  return decoded(frames);
}

function readFrame(reader: ByteReader): Frame | 'unknown' | 'range' {
  const type = reader.u8();
  switch (type) {
    case FRAME.padding:
      reader.skip(FRAME.padding);
      return { kind: 'padding' };
    case FRAME.ping:
      return { kind: 'ping' };
    case FRAME.ackRuns:
    case FRAME.ackBitmap:
      return readAck(reader, type === FRAME.ackBitmap);
    case FRAME.symbols: {
      const base = reader.u24();
      const undecided = reader.u8();
      const length = reader.u8();
      if (length * 8 > CODED_LIMITS.windowSymbols) return 'range';
      return { kind: 'symbols', base, undecided, known: reader.take(length) };
    }
    case FRAME.arrivals:
      return readArrivals(reader);
    case FRAME.pathChallenge:
      return { kind: 'pathChallenge', data: reader.take(PATH_DATA_BYTES) };
    case FRAME.pathResponse:
      return { kind: 'pathResponse', data: reader.take(PATH_DATA_BYTES) };
    case FRAME.close: {
      const code = reader.u8();
      const length = reader.u8();
      if (length > CODED_LIMITS.detailBytes) return 'range';
      return { kind: 'close', code, detail: reader.take(length) };
    }
    case FRAME.handshake:
      return { kind: 'handshake', offset: reader.varint(), data: reader.take(reader.u16()) };
    case FRAME.connectionId:
      return {
        kind: 'connectionId',
        sequence: reader.varint(),
        retireBefore: reader.varint(),
        connectionId: reader.take(CONNECTION_ID_BYTES),
        resetToken: reader.take(RESET_TOKEN_BYTES),
      };
    default:
      return readSymbol(reader, type);
  }
}

/** The frames that carry a symbol or a row. */
function readSymbol(reader: ByteReader, type: number): Frame | 'unknown' | 'range' {
  const data = (): Uint8Array =>
    (type & WITH_LENGTH) === 0 ? reader.rest() : reader.take(reader.u16());
  switch (type & ~WITH_LENGTH) {
    case FRAME.source:
      return { kind: 'source', symbol: reader.u24(), data: data() };
    case FRAME.piece:
      return {
        kind: 'piece',
        symbol: reader.u24(),
        offset: reader.u16(),
        total: reader.u16(),
        data: data(),
      };
    case FRAME.repair:
    case FRAME.repairOfSome: {
      const start = reader.u24();
      const span = reader.u8();
      if (span === 0) return 'range';
      const seed = reader.u16();
      const some = (type & ~WITH_LENGTH) === FRAME.repairOfSome;
      const members = some ? reader.take(Math.ceil(span / 8)) : undefined;
      return { kind: 'repair', start, span, seed, members, data: data() };
    }
    case FRAME.vector: {
      const start = reader.u24();
      const span = reader.u8();
      if (span === 0) return 'range';
      return { kind: 'vector', start, coefficients: reader.take(span), data: data() };
    }
    case FRAME.batch: {
      const batch = reader.u24();
      const start = reader.u24();
      const size = reader.u8();
      if (size === 0 || size > BATCH_SYMBOLS_MAX) return 'range';
      return { kind: 'batch', batch, start, coefficients: reader.take(size), data: data() };
    }
    default:
      return 'unknown';
  }
}

function readAck(reader: ByteReader, isBitmap: boolean): Frame | 'range' {
  const largest = reader.u32();
  const delayMs = reader.u16() / TICKS_PER_MS;
  const received = reader.u16();
  const count = reader.u8();
  const ack = { kind: 'ack', largest, delayMs, received } as const;
  if (isBitmap) {
    if (count > ACK_BITMAP_BYTES) return 'range';
    return { ...ack, runs: runsOfBitmap(reader.take(count)) };
  }
  if (count % 2 === 0 || count > 2 * CODED_LIMITS.ackRanges - 1) return 'range';
  const runs: number[] = [];
  let covered = 0;
  for (let index = 0; index < count && !reader.failed; index++) {
    const run = reader.varint();
    covered += run;
    if (run === 0 || covered > 2 ** 31) return 'range';
    runs.push(run);
  }
  return { ...ack, runs };
}

function readArrivals(reader: ByteReader): Frame | 'range' {
  const largest = reader.u32();
  const time = reader.u32();
  const count = reader.u8();
  if (count >= CODED_LIMITS.arrivals) return 'range';
  const earlier: { numberBack: number; timeBack: number }[] = [];
  for (let index = 0; index < count && !reader.failed; index++) {
    const numberBack = reader.u8();
    if (numberBack === 0) return 'range';
    earlier.push({ numberBack, timeBack: reader.u16() });
  }
  return { kind: 'arrivals', largest, time, earlier };
}
