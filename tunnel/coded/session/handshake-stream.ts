import { CODED_LIMITS } from '../limits.js';
import { ReceivedPackets } from '../recovery/received-packets.js';
import type { AckFrame, Frame } from '../wire/frame.js';
import { frameLength } from '../wire/frame-writer.js';
import { expandNumber, PACKET_NUMBER_BITS } from '../wire/truncated-number.js';
import { HANDSHAKE_LIMITS } from './limits.js';

interface Piece {
  readonly offset: number;
  data: Uint8Array;
  /** Transmissions so far. */
  sent: number;
  dueAt: number;
}

/** One packet of a handshake, before its header. */
export interface HandshakeDeparture {
  readonly number: number;
  readonly frames: readonly Frame[];
}

/**
 * The reliable stream under the handshake, with packet numbers of its own. Nothing is known of the
 * link yet and few bytes are at stake, so a flight is repeated soon and often, at gaps that double,
 * until it is acknowledged: on a lossy link that costs milliseconds where a time-out costs a second.
 */
export class HandshakeStream {
  readonly #received = new ReceivedPackets();
  readonly #early = new Map<number, Uint8Array>();
  readonly #sent = new Map<number, { readonly pieces: readonly Piece[]; readonly at: number }>();
  #pieces: Piece[] = [];
  #written = 0;
  #read = 0;
  #next = 0;
  #ackDueAt = Infinity;
  #roundTripMs: number | undefined;

  /** Of the newest acknowledged packet, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Takes bytes to be sent; false: a handshake is never so long. */
  write(data: Uint8Array, now: number): boolean {
    if (this.#written + data.length > HANDSHAKE_LIMITS.streamBytes) return false;
    const { pieceBytes } = HANDSHAKE_LIMITS;
    let rest = data;
    const last = this.#pieces.at(-1);
    if (last?.sent === 0 && last.data.length < pieceBytes) {
      const more = rest.subarray(0, pieceBytes - last.data.length);
      last.data = Buffer.concat([last.data, more]);
      this.#written += more.length;
      rest = rest.subarray(more.length);
    }
    while (rest.length > 0) {
      const piece = rest.slice(0, pieceBytes);
      this.#pieces.push({ offset: this.#written, data: piece, sent: 0, dueAt: now });
      this.#written += piece.length;
      rest = rest.subarray(piece.length);
    }
    return true;
  }

  /** The bytes that are next in order with this packet. */
  receive(packetNumber: number, frames: readonly Frame[], now: number): Uint8Array[] {
    const expected = (this.#received.largest ?? -1) + 1;
    const number = expandNumber(packetNumber, PACKET_NUMBER_BITS, expected);
    for (const frame of frames) if (frame.kind === 'ack') this.#acknowledged(frame, now);
    const news: Uint8Array[] = [];
    const asks = frames.some(({ kind }) => kind === 'handshake' || kind === 'ping');
    if (asks) this.#ackDueAt = Math.min(this.#ackDueAt, now + HANDSHAKE_LIMITS.ackDelayMs);
    this.#received.note(number, now);
    for (const frame of frames)
      if (frame.kind === 'handshake') this.#arrived(frame.offset, frame.data);
    for (let data = this.#early.get(this.#read); data !== undefined;) {
      this.#early.delete(this.#read);
      this.#read += data.length;
      news.push(data);
      data = this.#early.get(this.#read);
    }
    return news;
  }

  /** Everything again, at once: the other end has forgotten it on purpose. */
  restart(now: number): void {
    for (const piece of this.#pieces) {
      piece.sent = 0;
      piece.dueAt = now;
    }
  }

  /** The next packet within `room` bytes of frames, if one is due. */
  take(now: number, room: number): HandshakeDeparture | undefined {
    const isDue = this.#ackDueAt <= now || this.#pieces.some(({ dueAt }) => dueAt <= now);
    if (!isDue) return undefined;
    const frames: Frame[] = [];
    const ack = this.#received.frame(now);
    if (ack !== undefined) frames.push(ack);
    this.#ackDueAt = Infinity;
    let bytes = ack === undefined ? 0 : frameLength(ack);
    const pieces: Piece[] = [];
    for (const piece of this.#pieces) {
      if (piece.dueAt > now) continue;
      const frame = { kind: 'handshake', offset: piece.offset, data: piece.data } as const;
      if (bytes + frameLength(frame) > room) break;
      bytes += frameLength(frame);
      frames.push(frame);
      pieces.push(piece);
      const { repeatMs, repeatMaxMs } = HANDSHAKE_LIMITS;
      piece.dueAt = now + Math.min(repeatMaxMs, repeatMs * 2 ** Math.min(piece.sent++, 8));
    }
    const number = this.#next++;
    if (this.#sent.size < HANDSHAKE_LIMITS.packetsRemembered)
      this.#sent.set(number, { pieces, at: now });
    return { number, frames };
  }

  wakeAt(): number {
    return this.#pieces.reduce((at, { dueAt }) => Math.min(at, dueAt), this.#ackDueAt);
  }

  /** Bytes must not differ from what stood there before; the first word stands. */
  #arrived(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (data.length === 0 || offset < this.#read || end > HANDSHAKE_LIMITS.streamBytes) return;
    if (this.#early.size >= HANDSHAKE_LIMITS.piecesEarly || this.#early.has(offset)) return;
    this.#early.set(offset, data.slice());
  }

  #acknowledged(ack: AckFrame, now: number): void {
    const largest = expandNumber(ack.largest, PACKET_NUMBER_BITS, this.#next);
    let number = largest;
    let present = true;
    for (const run of ack.runs) {
      for (const end = number - Math.min(run, CODED_LIMITS.replayPackets); number > end; number--) {
        const packet = present ? this.#sent.get(number) : undefined;
        if (packet === undefined) continue;
        if (number === largest) this.#roundTripMs = Math.max(now - packet.at - ack.delayMs, 0.1);
        this.#sent.delete(number);
        this.#pieces = this.#pieces.filter((piece) => !packet.pieces.includes(piece));
      }
      present = !present;
    }
  }
}
