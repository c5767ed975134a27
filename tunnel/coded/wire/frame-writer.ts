import { bitmapOfRuns, runsBytes } from './ack-runs.js';
import { varintBytes, type ByteWriter } from './byte-writer.js';
import { FRAME, TICKS_PER_MS, WITH_LENGTH, type AckFrame, type Frame } from './frame.js';

/** Bytes that `writeFrame` takes. `last`: the frame ends the packet, so its data needs no length. */
export function frameLength(frame: Frame, last = false): number {
  const length = last ? 0 : 2;
  switch (frame.kind) {
    case 'padding':
    case 'ping':
      return 1;
    case 'ack':
      return 10 + (bitmapOfRuns(frame.runs)?.length ?? runsBytes(frame.runs));
    case 'symbols':
      return 6 + frame.known.length;
    case 'arrivals':
      return 10 + 3 * frame.earlier.length;
    case 'source':
      return 4 + length + frame.data.length;
    case 'piece':
      return 8 + length + frame.data.length;
    case 'repair':
      return 7 + (frame.members?.length ?? 0) + length + frame.data.length;
    case 'vector':
      return 5 + frame.coefficients.length + length + frame.data.length;
    case 'batch':
      return 8 + frame.coefficients.length + length + frame.data.length;
    case 'pathChallenge':
    case 'pathResponse':
      return 1 + frame.data.length;
    case 'close':
      return 3 + frame.detail.length;
    case 'handshake':
      return 3 + varintBytes(frame.offset) + frame.data.length;
    case 'connectionId':
      return (
        1 +
        varintBytes(frame.sequence) +
        varintBytes(frame.retireBefore) +
        frame.connectionId.length +
        frame.resetToken.length
      );
  }
}

/** Writes a frame; throws EDGE_LIMIT when the writer has no room. */
export function writeFrame(writer: ByteWriter, frame: Frame, last = false): void {
  const flag = last ? 0 : WITH_LENGTH;
  switch (frame.kind) {
    case 'padding':
    case 'ping':
      writer.u8(FRAME[frame.kind]);
      return;
    case 'ack':
      writeAck(writer, frame);
      return;
    case 'symbols':
      writer.u8(FRAME.symbols);
      writer.u24(frame.base);
      writer.u8(frame.undecided);
      writer.u8(frame.known.length);
      writer.bytes(frame.known);
      return;
    case 'arrivals':
      writer.u8(FRAME.arrivals);
      writer.u32(frame.largest);
      writer.u32(frame.time);
      writer.u8(frame.earlier.length);
      for (const { numberBack, timeBack } of frame.earlier) {
        writer.u8(numberBack);
        writer.u16(timeBack);
      }
      return;
    case 'source':
      writer.u8(FRAME.source | flag);
      writer.u24(frame.symbol);
      writeData(writer, frame.data, last);
      return;
    case 'piece':
      writer.u8(FRAME.piece | flag);
      writer.u24(frame.symbol);
      writer.u16(frame.offset);
      writer.u16(frame.total);
      writeData(writer, frame.data, last);
      return;
    case 'repair':
      writer.u8((frame.members === undefined ? FRAME.repair : FRAME.repairOfSome) | flag);
      writer.u24(frame.start);
      writer.u8(frame.span);
      writer.u16(frame.seed);
      if (frame.members !== undefined) writer.bytes(frame.members);
      writeData(writer, frame.data, last);
      return;
    case 'vector':
      writer.u8(FRAME.vector | flag);
      writer.u24(frame.start);
      writer.u8(frame.coefficients.length);
      writer.bytes(frame.coefficients);
      writeData(writer, frame.data, last);
      return;
    case 'batch':
      writer.u8(FRAME.batch | flag);
      writer.u24(frame.batch);
      writer.u24(frame.start);
      writer.u8(frame.coefficients.length);
      writer.bytes(frame.coefficients);
      writeData(writer, frame.data, last);
      return;
    case 'pathChallenge':
    case 'pathResponse':
      writer.u8(FRAME[frame.kind]);
      writer.bytes(frame.data);
      return;
    case 'close':
      writer.u8(FRAME.close);
      writer.u8(frame.code);
      writer.u8(frame.detail.length);
      writer.bytes(frame.detail);
      return;
    case 'handshake':
      writer.u8(FRAME.handshake);
      writer.varint(frame.offset);
      writer.u16(frame.data.length);
      writer.bytes(frame.data);
      return;
    case 'connectionId':
      writer.u8(FRAME.connectionId);
      writer.varint(frame.sequence);
      writer.varint(frame.retireBefore);
      writer.bytes(frame.connectionId);
      writer.bytes(frame.resetToken);
      return;
  }
}

function writeData(writer: ByteWriter, data: Uint8Array, last: boolean): void {
  if (!last) writer.u16(data.length);
  writer.bytes(data);
}

function writeAck(writer: ByteWriter, frame: AckFrame): void {
  const bitmap = bitmapOfRuns(frame.runs);
  writer.u8(bitmap === undefined ? FRAME.ackRuns : FRAME.ackBitmap);
  writer.u32(frame.largest);
  writer.u16(Math.min(Math.round(frame.delayMs * TICKS_PER_MS), 0xffff));
  writer.u16(frame.received);
  writer.u8(bitmap?.length ?? frame.runs.length);
  if (bitmap === undefined) for (const run of frame.runs) writer.varint(run);
  else writer.bytes(bitmap);
}
