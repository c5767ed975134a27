import { cargoOverhead, type StreamPart } from '../wire/cargo.js';
import { SendCredit } from './credit.js';
import { STREAM_LIMITS } from './limits.js';

const NOTHING = new Uint8Array(0);

/** The half of a stream that sends. `done`: the last byte or the reset was handed over. */
export class StreamOutbox {
  readonly #stream: number;
  readonly #credit = new SendCredit(STREAM_LIMITS.windowBytes);
  readonly #chunks: Uint8Array[] = [];
  #headOffset = 0;
  #offset = 0;
  #unsent = 0;
  #ended = false;
  #done = false;
  #refused = false;

  constructor(stream: number) {
    this.#stream = stream;
  }

  get unsentBytes(): number {
    return this.#unsent;
  }

  /** Bytes handed over so far. */
  get offset(): number {
    return this.#offset;
  }

  get isWritable(): boolean {
    return !this.#ended && !this.#done;
  }

  get done(): boolean {
    return this.#done;
  }

  /** False: not taken, there is no room; what finds nothing unsent is always taken. */
  write(data: Uint8Array): boolean {
    if (!this.isWritable) return false;
    if (this.#unsent > 0 && this.#unsent + data.length > STREAM_LIMITS.unsentBytes) {
      this.#refused = true;
      return false;
    }
    if (data.length > 0) this.#chunks.push(data);
    this.#unsent += data.length;
    return true;
  }

  /** Nothing more will be written. */
  end(): void {
    this.#ended = true;
  }

  /** Forgets what is unsent. */
  abandon(): void {
    this.#chunks.length = 0;
    this.#unsent = 0;
    this.#done = true;
  }

  raise(limit: number): void {
    this.#credit.raise(limit);
  }

  /** A piece may leave, if its class lets it. */
  get isReady(): boolean {
    if (this.#done) return false;
    return this.#unsent > 0 ? this.#credit.left > 0 : this.#ended;
  }

  /**
   * The next piece: a cargo of at most `room` bytes with at most `dataBytes` of data; empty only
   * with the end.
   */
  take(room: number, dataBytes: number): StreamPart | undefined {
    if (!this.isReady) return undefined;
    const empty: StreamPart = {
      kind: 'stream',
      stream: this.#stream,
      offset: this.#offset,
      fin: false,
      data: NOTHING,
    };
    const space = room - cargoOverhead(empty);
    if (space < 0) return undefined;
    const data = this.#cut(Math.min(space, dataBytes, this.#credit.left, this.#unsent));
    const fin = this.#ended && this.#unsent === 0;
    if (data.length === 0 && !fin) return undefined;
    const part: StreamPart = { ...empty, fin, data };
    this.#credit.use(data.length);
    this.#offset += data.length;
    this.#done = fin;
    return part;
  }

  /** True once after a refused write, when half of the room is there again. */
  relieved(): boolean {
    if (!this.#refused || this.#unsent > STREAM_LIMITS.unsentBytes / 2) return false;
    this.#refused = false;
    return true;
  }

  /** What lies in one chunk is not copied: it is to be encoded at once. */
  #cut(bytes: number): Uint8Array {
    this.#unsent -= bytes;
    const [first] = this.#chunks;
    if (first !== undefined && this.#headOffset + bytes < first.length) {
      this.#headOffset += bytes;
      return first.subarray(this.#headOffset - bytes, this.#headOffset);
    }
    const piece = new Uint8Array(bytes);
    let at = 0;
    for (let head = this.#chunks[0]; head !== undefined && at < bytes; head = this.#chunks[0]) {
      const part = head.subarray(this.#headOffset, this.#headOffset + bytes - at);
      piece.set(part, at);
      at += part.length;
      this.#headOffset += part.length;
      if (this.#headOffset < head.length) break;
      this.#chunks.shift();
      this.#headOffset = 0;
    }
    return piece;
  }
}
