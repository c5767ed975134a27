import { CODED_LIMITS } from '../limits.js';
import { ByteWriter } from '../wire/byte-writer.js';
import type { Frame } from '../wire/frame.js';
import { writeFrame } from '../wire/frame-writer.js';
import { headerLength, WIRE_VERSION, writeHeader, type LongHeader } from '../wire/packet-header.js';
import { PACKET_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';

/** What changes from one handshake packet to the next. */
export type LongFields = Pick<LongHeader, 'kind' | 'destination' | 'source' | 'token'>;

const NOTHING = new Uint8Array(0);

/** Bytes that frames may take in a packet with these fields. */
export function handshakeRoom(fields: LongFields): number {
  const header = { ...fields, version: WIRE_VERSION, packetNumber: 0 };
  return CODED_LIMITS.datagramBytes - headerLength(header);
}

/**
 * The datagram. Those of a client that is not validated are full of padding, so that an answer
 * three times as long may still be one of some use.
 */
export function handshakeDatagram(
  fields: LongFields,
  number: number,
  frames: readonly Frame[],
): Uint8Array {
  const writer = new ByteWriter(CODED_LIMITS.datagramBytes);
  const packetNumber = truncateNumber(number, PACKET_NUMBER_BITS);
  writeHeader(writer, { ...fields, version: WIRE_VERSION, packetNumber });
  for (const frame of frames) writeFrame(writer, frame);
  if (fields.kind === 'initial')
    while (writer.room > 0) writeFrame(writer, { kind: 'padding' }, false);
  return writer.written();
}

/** Sends a client back with a token: less than a tenth of what it had to send. */
export function retryDatagram(
  client: Pick<LongHeader, 'source' | 'destination'>,
  token: Uint8Array,
): Uint8Array {
  const { source: destination, destination: source } = client;
  return handshakeDatagram({ kind: 'retry', destination, source, token }, 0, []);
}

export { NOTHING as NO_BYTES };
