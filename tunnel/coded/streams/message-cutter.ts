import { SendQueue } from '../../send-queue.js';
import { TUNNEL_LIMITS } from '../../limits.js';
import type { Priority } from '../../transport.js';
import { cargoOverhead, type MessagePart } from '../wire/cargo.js';
import { SendCredit } from './credit.js';
import { STREAM_LIMITS } from './limits.js';
import type { SymbolBuilder } from './symbol-builder.js';

const NOTHING = new Uint8Array(0);

/** The message of a class that leaves next, or the rest of it. */
interface Head {
  readonly message: Uint8Array;
  /** Given when the first piece is cut. */
  number: number | undefined;
  offset: number;
}

/** Messages that wait, and their way into symbols: whole where they fit, in pieces otherwise. */
export class MessageCutter {
  readonly #queue = new SendQueue(TUNNEL_LIMITS.queueBytes);
  readonly #heads = new Map<Priority, Head>();
  readonly #credits: Readonly<Record<Priority, SendCredit>>;
  #headBytes = 0;
  #nextNumber = 0;

  /** `credits`: shared with the streams of their class. */
  constructor(credits: Readonly<Record<Priority, SendCredit>>) {
    this.#credits = credits;
  }

  /** Bytes of messages, or of the rest of them, that wait. */
  get bytes(): number {
    return this.#queue.bytes + this.#headBytes;
  }

  /** False when the class has no room. */
  offer(message: Uint8Array, priority: Priority): boolean {
    return this.#queue.offer(message, priority);
  }

  /** True once after a refusal, when there is room again. */
  relieved(): boolean {
    return this.#queue.relieved();
  }

  /** A symbol of this class can be made. */
  isReady(priority: Priority, symbolBytes: number): boolean {
    const head = this.#head(priority);
    if (head === undefined) return false;
    return head.number !== undefined || this.#fits(head, priority, symbolBytes);
  }

  /** Puts what fits into the symbol: whole messages, and pieces where much room is left. */
  fill(builder: SymbolBuilder, priority: Priority): void {
    for (let head = this.#head(priority); head !== undefined; head = this.#head(priority)) {
      const { message, number } = head;
      const { room } = builder;
      if (number === undefined && message.length < room) {
        builder.add({ kind: 'message', priority, data: message });
        this.#drop(priority, head);
      } else if (!this.#cut(builder, priority, head)) return;
    }
  }

  clear(): void {
    this.#queue.clear();
    this.#heads.clear();
    this.#headBytes = 0;
  }

  #cut(builder: SymbolBuilder, priority: Priority, head: Head): boolean {
    const { message } = head;
    const { room } = builder;
    const rest = message.length - head.offset;
    if (room < Math.min(STREAM_LIMITS.pieceRoomMin, rest)) return false;
    if (head.number === undefined) {
      if (message.length < STREAM_LIMITS.cutBytesMin) return false;
      if (!this.#fits(head, priority, 0)) return false;
      this.#credits[priority].use(message.length);
      head.number = this.#nextNumber++;
    }
    const part: MessagePart = {
      kind: 'part',
      priority,
      message: head.number,
      offset: head.offset,
      total: message.length,
      data: NOTHING,
    };
    const length = Math.min(rest, room - cargoOverhead(part));
    if (length <= 0) return false;
    const data = message.subarray(head.offset, head.offset + length);
    builder.add({ ...part, data });
    head.offset += length;
    this.#headBytes -= length;
    if (head.offset === message.length) this.#drop(priority, head);
    return true;
  }

  /** Whole into an empty symbol, or the other end lets us cut it. */
  #fits({ message }: Head, priority: Priority, symbolBytes: number): boolean {
    return message.length < symbolBytes || message.length <= this.#credits[priority].left;
  }

  #head(priority: Priority): Head | undefined {
    const head = this.#heads.get(priority);
    if (head !== undefined) return head;
    const message = this.#queue.takeFrom(priority);
    if (message === undefined) return undefined;
    const fresh: Head = { message, number: undefined, offset: 0 };
    this.#heads.set(priority, fresh);
    this.#headBytes += message.length + TUNNEL_LIMITS.queueOverheadBytes;
    return fresh;
  }

  #drop(priority: Priority, { message, offset }: Head): void {
    this.#headBytes -= message.length - offset + TUNNEL_LIMITS.queueOverheadBytes;
    this.#heads.delete(priority);
  }
}
