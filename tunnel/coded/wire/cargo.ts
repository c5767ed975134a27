import type { Priority } from '../../transport.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter, varintBytes } from './byte-writer.js';
import { decoded, refused, type Decoded } from './decoded.js';

/**
 * What one source symbol carries. Symbols arrive at most once and in any order, so whatever needs
 * an order carries an offset.
 */
export type Cargo =
  | { readonly kind: 'message'; readonly priority: Priority; readonly data: Uint8Array }
  | MessagePart
  | StreamPart
  /** Nothing beyond `offset` was or will be sent; what is missing below it is given up. */
  | {
      readonly kind: 'streamReset';
      readonly stream: number;
      readonly code: number;
      readonly offset: number;
    }
  | { readonly kind: 'streamStop'; readonly stream: number; readonly code: number }
  /** The other end may send bytes below `limit`, of one stream or of one class of messages. */
  | { readonly kind: 'streamCredit'; readonly stream: number; readonly limit: number }
  | { readonly kind: 'classCredit'; readonly priority: Priority; readonly limit: number }
  /** The other end may open its streams below the `limit`th. */
  | { readonly kind: 'streamsCredit'; readonly limit: number }
  /** Words between sessions, opaque here. */
  | { readonly kind: 'control'; readonly data: Uint8Array };

/** A piece of a message that does not fit into one symbol. */
export interface MessagePart {
  readonly kind: 'part';
  readonly priority: Priority;
  readonly message: number;
  readonly offset: number;
  /** Bytes of the whole message. The reader checks it before it makes room. */
  readonly total: number;
  readonly data: Uint8Array;
}

export interface StreamPart {
  readonly kind: 'stream';
  readonly stream: number;
  readonly offset: number;
  /** Nothing follows this piece. */
  readonly fin: boolean;
  readonly data: Uint8Array;
}

const PRIORITIES: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];

/** High half of the first byte; the low half holds a priority or a flag. */
const CARGO = {
  message: 0x00,
  part: 0x10,
  stream: 0x20,
  streamReset: 0x30,
  streamStop: 0x40,
  streamCredit: 0x50,
  classCredit: 0x60,
  control: 0x70,
  /** 0x80 is a symbol of several cargos: see bundle.ts. */
  streamsCredit: 0x90,
} as const;

export function decodeCargo(symbol: Uint8Array): Decoded<Cargo> {
  const reader = new ByteReader(symbol);
  const first = reader.u8();
  const cargo = readCargo(first & 0xf0, first & 0x0f, reader);
  if (reader.failed) return refused('short');
  if (typeof cargo === 'string') return refused(cargo);
  return reader.remaining > 0 ? refused('long') : decoded(cargo);
}

function readCargo(type: number, low: number, reader: ByteReader): Cargo | 'unknown' | 'reserved' {
  const priority = PRIORITIES[low];
  switch (type) {
    case CARGO.message:
      if (priority === undefined) return 'reserved';
      return { kind: 'message', priority, data: reader.rest() };
    case CARGO.part: {
      if (priority === undefined) return 'reserved';
      const [message, offset, total] = [reader.varint(), reader.varint(), reader.varint()];
      return { kind: 'part', priority, message, offset, total, data: reader.rest() };
    }
    case CARGO.stream: {
      if (low > 1) return 'reserved';
      const [stream, offset] = [reader.varint(), reader.varint()];
      return { kind: 'stream', stream, offset, fin: low === 1, data: reader.rest() };
    }
    case CARGO.classCredit:
      if (priority === undefined) return 'reserved';
      return { kind: 'classCredit', priority, limit: reader.varint() };
    default:
      return low === 0 ? readPlainCargo(type, reader) : 'reserved';
  }
}

function readPlainCargo(type: number, reader: ByteReader): Cargo | 'unknown' {
  switch (type) {
    case CARGO.streamReset:
      return {
        kind: 'streamReset',
        stream: reader.varint(),
        code: reader.varint(),
        offset: reader.varint(),
      };
    case CARGO.streamStop:
      return { kind: 'streamStop', stream: reader.varint(), code: reader.varint() };
    case CARGO.streamCredit:
      return { kind: 'streamCredit', stream: reader.varint(), limit: reader.varint() };
    case CARGO.control:
      return { kind: 'control', data: reader.rest() };
    case CARGO.streamsCredit:
      return { kind: 'streamsCredit', limit: reader.varint() };
    default:
      return 'unknown';
  }
}

/** Bytes of a message or a piece beside its data. */
export function cargoOverhead(cargo: Cargo): number {
  return numbersOf(cargo).reduce((sum, number) => sum + varintBytes(number), 1);
}

export function encodeCargo(cargo: Cargo): Uint8Array {
  const data = 'data' in cargo ? cargo.data : undefined;
  const writer = new ByteWriter(cargoOverhead(cargo) + (data?.length ?? 0));
  const low =
    'priority' in cargo ? PRIORITIES.indexOf(cargo.priority) : cargo.kind === 'stream' && cargo.fin;
  writer.u8(CARGO[cargo.kind] | Number(low));
  for (const number of numbersOf(cargo)) writer.varint(number);
  if (data !== undefined) writer.bytes(data);
  return writer.written();
}

function numbersOf(cargo: Cargo): readonly number[] {
  switch (cargo.kind) {
    case 'message':
    case 'control':
      return [];
    case 'part':
      return [cargo.message, cargo.offset, cargo.total];
    case 'stream':
      return [cargo.stream, cargo.offset];
    case 'streamReset':
      return [cargo.stream, cargo.code, cargo.offset];
    case 'streamStop':
      return [cargo.stream, cargo.code];
    case 'streamCredit':
      return [cargo.stream, cargo.limit];
    case 'classCredit':
    case 'streamsCredit':
      return [cargo.limit];
  }
}
