import { CODED_LIMITS } from '../limits.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { decoded, refused, type Decoded } from './decoded.js';

/** "ET" and the number of this wire format. */
export const WIRE_VERSION = 0x4554_0001;

/** Bytes of a connection id in the short header; chosen by the end that receives it. */
export const CONNECTION_ID_BYTES = 8;

/**
 * First byte, then connection id and the low 32 bits of the packet number. Fixed, so that a packet
 * is addressed and opened without any state of the connection but its keys.
 */
export const SHORT_HEADER_BYTES = 1 + CONNECTION_ID_BYTES + 4;

/** A data packet: `01PA0000`, connection id, packet number; the rest is sealed. */
export interface ShortHeader {
  readonly kind: 'short';
  /** P: the low bit of the count of key updates. */
  readonly keyPhase: 0 | 1;
  /** A: the sender waits for this packet's acknowledgement, do not delay it. */
  readonly ackNow: boolean;
  readonly connectionId: Uint8Array;
  /** The low 32 bits. */
  readonly packetNumber: number;
}

/** A handshake packet: `11TT0000`, version, both connection ids, token, packet number. */
export interface LongHeader {
  readonly kind: 'initial' | 'handshake' | 'retry';
  readonly version: number;
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  /** Address validation: empty unless a retry gave one. */
  readonly token: Uint8Array;
  readonly packetNumber: number;
}

export type PacketHeader = ShortHeader | LongHeader;

export interface Packet {
  readonly header: PacketHeader;
  /** Bytes of the header: the associated data of the seal. */
  readonly headerBytes: Uint8Array;
  readonly payload: Uint8Array;
}

const LONG = 0x80;
const FIXED = 0x40;
const KEY_PHASE = 0x20;
const ACK_NOW = 0x10;
const LONG_KINDS = ['initial', 'handshake', 'retry'] as const;

/**
 * Cuts a datagram into header and payload. A long header of another version is refused with
 * `version`; `decodeForeignVersion` reads what is needed to answer it.
 */
export function decodePacket(datagram: Uint8Array): Decoded<Packet> {
  if (datagram.length > CODED_LIMITS.datagramBytesMax) return refused('long');
  const reader = new ByteReader(datagram);
  const first = reader.u8();
  if ((first & FIXED) === 0 || (first & 0x0f) !== 0)
    return refused(reader.failed ? 'short' : 'reserved');
  const header = (first & LONG) === 0 ? shortHeader(first, reader) : longHeader(first, reader);
  if (!header.ok) return header;
  if (reader.failed) return refused('short');
  return decoded({
    header: header.value,
    headerBytes: datagram.subarray(0, reader.at),
    payload: reader.rest(),
  });
}

/** The connection ids of a packet in a version that is not spoken here (RFC 8999 in spirit). */
export function decodeForeignVersion(
  datagram: Uint8Array,
): Decoded<{ version: number; destination: Uint8Array; source: Uint8Array }> {
  const reader = new ByteReader(datagram);
  if ((reader.u8() & LONG) === 0) return refused('unknown');
  const version = reader.u32();
  const destination = shortBytes(reader, CODED_LIMITS.connectionIdBytesMax);
  const source = shortBytes(reader, CODED_LIMITS.connectionIdBytesMax);
  if (destination === undefined || source === undefined) return refused('range');
  return reader.failed ? refused('short') : decoded({ version, destination, source });
}

function shortHeader(first: number, reader: ByteReader): Decoded<PacketHeader> {
  return decoded({
    kind: 'short',
    keyPhase: (first & KEY_PHASE) === 0 ? 0 : 1,
    ackNow: (first & ACK_NOW) !== 0,
    connectionId: reader.take(CONNECTION_ID_BYTES),
    packetNumber: reader.u32(),
  });
}

function longHeader(first: number, reader: ByteReader): Decoded<PacketHeader> {
  const version = reader.u32();
  if (version !== WIRE_VERSION) return refused(reader.failed ? 'short' : 'version');
  const kind = LONG_KINDS[(first >> 4) & 3];
  if (kind === undefined) return refused('unknown');
  const destination = shortBytes(reader, CODED_LIMITS.connectionIdBytesMax);
  const source = shortBytes(reader, CODED_LIMITS.connectionIdBytesMax);
  const token = shortBytes(reader, CODED_LIMITS.tokenBytes);
  if (destination === undefined || source === undefined || token === undefined)
    return refused('range');
  return decoded({ kind, version, destination, source, token, packetNumber: reader.u32() });
}

function shortBytes(reader: ByteReader, bytesMax: number): Uint8Array | undefined {
  const length = reader.u8();
  return length > bytesMax ? undefined : reader.take(length);
}

export function headerLength(header: PacketHeader): number {
  if (header.kind === 'short') return SHORT_HEADER_BYTES;
  return 12 + header.destination.length + header.source.length + header.token.length;
}

/** Lengths of ids and token must be within CODED_LIMITS; the short id has eight bytes. */
export function writeHeader(writer: ByteWriter, header: PacketHeader): void {
  if (header.kind === 'short') {
    writer.u8(FIXED | (header.keyPhase === 1 ? KEY_PHASE : 0) | (header.ackNow ? ACK_NOW : 0));
    writer.bytes(header.connectionId);
  } else {
    writer.u8(LONG | FIXED | (LONG_KINDS.indexOf(header.kind) << 4));
    writer.u32(header.version);
    for (const bytes of [header.destination, header.source, header.token]) {
      writer.u8(bytes.length);
      writer.bytes(bytes);
    }
  }
  writer.u32(header.packetNumber);
}
