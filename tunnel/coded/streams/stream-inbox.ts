import { ByteBlocks } from './byte-blocks.js';
import { ReceiveCredit } from './credit.js';
import { STREAM_LIMITS } from './limits.js';

/** The half of a stream that receives. What it takes and gives counts for the class as well. */
export class StreamInbox {
  readonly #blocks = new ByteBlocks();
  readonly #credit = new ReceiveCredit(STREAM_LIMITS.windowBytes, STREAM_LIMITS.windowBytesMax);
  readonly #class: ReceiveCredit;
  #highest = 0;
  #end: number | undefined;
  #discarding = false;
  #reset = false;

  constructor(classCredit: ReceiveCredit) {
    this.#class = classCredit;
  }

  get memoryBytes(): number {
    return this.#blocks.memoryBytes;
  }

  get readable(): number {
    return this.#blocks.readable;
  }

  /** All was read, or the sender has given it up, or nobody wants it and all of it is known. */
  get done(): boolean {
    if (this.#reset) return true;
    if (this.#discarding) return this.#end !== undefined;
    return this.#end === this.#blocks.offset;
  }

  /** The sender's end was read. */
  get ended(): boolean {
    return !this.#reset && !this.#discarding && this.done;
  }

  /** False: no honest sender says this. */
  receive(offset: number, data: Uint8Array, fin: boolean): boolean {
    const end = offset + data.length;
    if (this.#reset) return true;
    if (!this.#mayEnd(end, fin) || !this.#count(end)) return false;
    if (this.#discarding) this.#consumeAll();
    else if (!this.#blocks.write(offset, data)) return false;
    this.#credit.sawPieceEnd(end, this.#blocks.readable);
    return true;
  }

  /** The sender gives up after `offset` bytes. */
  reset(offset: number): boolean {
    if (this.#reset) return true;
    if (!this.#mayEnd(offset, true) || !this.#count(offset)) return false;
    this.#reset = true;
    this.#consumeAll();
    return true;
  }

  /** The reader wants no more. */
  discard(): void {
    if (this.#reset || this.#discarding) return;
    this.#discarding = true;
    this.#consumeAll();
  }

  read(): Uint8Array | undefined {
    const data = this.#blocks.read();
    if (data !== undefined) this.#consume(data.length);
    return data;
  }

  /** A new limit to be told; none once the end is known. */
  takeLimit(): number | undefined {
    return this.#end === undefined ? this.#credit.takeLimit() : undefined;
  }

  #mayEnd(end: number, fin: boolean): boolean {
    if (this.#end !== undefined && (end > this.#end || (fin && end !== this.#end))) return false;
    if (fin && end < this.#highest) return false;
    if (fin) this.#end = end;
    return true;
  }

  #count(end: number): boolean {
    const more = end - this.#highest;
    if (more <= 0) return true;
    this.#highest = end;
    const within = this.#credit.receive(more);
    return this.#class.receive(more) && within;
  }

  #consume(bytes: number): void {
    this.#credit.consume(bytes);
    this.#class.consume(bytes);
  }

  #consumeAll(): void {
    this.#blocks.clear();
    this.#consume(this.#credit.held);
  }
}
