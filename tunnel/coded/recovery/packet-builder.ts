import type { SourceSymbol } from '../codec/symbol.js';
import { CODED_LIMITS } from '../limits.js';
import type { Frame } from '../wire/frame.js';
import { frameLength } from '../wire/frame-writer.js';
import { SYMBOL_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';

const NOTHING = new Uint8Array(0);
/** Bytes of a packet that are left empty rather than filled with a piece. */
const PIECE_BYTES_MIN = 64;

/** Frames of one packet. */
export interface Departure {
  readonly frames: Frame[];
  readonly ackNow: boolean;
}

/** A symbol as it is. */
export function sourceOf({ number, data }: SourceSymbol): Frame {
  return { kind: 'source', symbol: truncateNumber(number, SYMBOL_NUMBER_BITS), data };
}

/** Collects frames as long as there is room; the last frame needs no length. */
export class PacketBuilder implements Departure {
  readonly frames: Frame[] = [];
  ackNow = false;
  readonly #room: number;
  #bytes = 0;

  constructor(room: number) {
    this.#room = room;
  }

  get isEmpty(): boolean {
    return this.frames.length === 0;
  }

  put(frame: Frame): boolean {
    if (this.#bytes + frameLength(frame, true) > this.#room) return false;
    if (this.frames.length >= CODED_LIMITS.framesPerPacket / 2) return false;
    this.#bytes += frameLength(frame);
    this.frames.push(frame);
    return true;
  }

  /** The symbol is in this packet as it is. */
  carries({ number }: SourceSymbol): boolean {
    const symbol = truncateNumber(number, SYMBOL_NUMBER_BITS);
    return this.frames.some((frame) => frame.kind === 'source' && frame.symbol === symbol);
  }
  /** Puts what fits of a symbol from `offset` on, and returns how many bytes. */
  putPiece({ number, data }: SourceSymbol, offset: number): number {
    const symbol = truncateNumber(number, SYMBOL_NUMBER_BITS);
    const empty = { kind: 'piece', symbol, offset, total: data.length, data: NOTHING } as const;
    const room = this.#room - this.#bytes - frameLength(empty);
    const piece = data.subarray(offset, offset + room);
    if (piece.length < Math.min(PIECE_BYTES_MIN, data.length - offset)) return 0;
    return this.put({ ...empty, data: piece }) ? piece.length : 0;
  }
}
