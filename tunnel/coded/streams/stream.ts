import type { Cargo, StreamPart } from '../wire/cargo.js';
import type { ReceiveCredit } from './credit.js';
import { StreamInbox } from './stream-inbox.js';
import { StreamOutbox } from './stream-outbox.js';

/** What a stream tells its user. Called from within `receive`, `next` or the user's own calls. */
export interface StreamListener {
  /** `read` has something, or the end. */
  readable(): void;
  /** Once after a refused write, when there is room again. */
  drained(): void;
  /**
   * The other end gave it up with this code, or wants no more of it (`stopped`); 'lost': with the
   * connection. Nothing follows.
   */
  failed(reason: StreamFailure): void;
}

export type StreamFailure =
  { readonly by: 'reset' | 'stopped'; readonly code: number } | { readonly by: 'lost' };

/** What a stream needs of the connection that it is part of. */
export interface StreamOwner {
  readonly classCredit: ReceiveCredit;
  /** There is something to send. */
  ready(stream: Stream): void;
  /** A word for the other end, sent before any data. */
  say(word: Cargo): void;
  /** Room was made for what the other end may send. */
  consumed(): void;
  /** Both halves have ended. */
  ended(stream: Stream): void;
}

/** One end of an ordered, flow-controlled stream of bytes in both directions. */
export class Stream {
  readonly id: number;
  readonly #owner: StreamOwner;
  readonly #inbox: StreamInbox;
  readonly #outbox: StreamOutbox;
  #listener: StreamListener | undefined;
  #over = false;

  constructor(id: number, owner: StreamOwner) {
    this.id = id;
    this.#owner = owner;
    this.#inbox = new StreamInbox(owner.classCredit);
    this.#outbox = new StreamOutbox(id);
  }

  /** One listener, set at once by whoever opened or accepted the stream. */
  listen(listener: StreamListener): void {
    this.#listener = listener;
    if (this.#inbox.readable > 0 || this.#inbox.ended) listener.readable();
  }

  /** False: not taken, wait for `drained`; after `end` or `reset` it is always false. */
  write(data: Uint8Array): boolean {
    if (this.#over || !this.#outbox.write(data)) return false;
    this.#owner.ready(this);
    return true;
  }

  /** Nothing more will be written; the other direction goes on. */
  end(): void {
    if (this.#over) return;
    this.#outbox.end();
    this.#owner.ready(this);
  }

  /** What arrived in order; undefined: nothing for now, or `ended`. */
  read(): Uint8Array | undefined {
    const data = this.#inbox.read();
    this.#tellLimit();
    this.#settle();
    return data;
  }

  /** All that the other end wrote was read. */
  get ended(): boolean {
    return this.#inbox.ended;
  }

  get unsentBytes(): number {
    return this.#outbox.unsentBytes;
  }

  /** Bytes of memory for what was not read. */
  get memoryBytes(): number {
    return this.#inbox.memoryBytes;
  }

  /** Gives both directions up; the other end is told the code. The listener hears no more. */
  reset(code: number): void {
    if (this.#over) return;
    this.#listener = undefined;
    if (!this.#outbox.done) this.#giveUp(code);
    if (!this.#inbox.done) {
      this.#inbox.discard();
      this.#owner.consumed();
      this.#owner.say({ kind: 'streamStop', stream: this.id, code });
    }
    this.#settle();
  }

  // What follows is for the connection.

  get isReady(): boolean {
    return this.#outbox.isReady;
  }

  take(room: number, dataBytes: number): StreamPart | undefined {
    const part = this.#outbox.take(room, dataBytes);
    if (part === undefined) return undefined;
    if (this.#outbox.relieved()) this.#listener?.drained();
    this.#settle();
    return part;
  }

  /** False: no honest peer says this. */
  arrived({ offset, data, fin }: StreamPart): boolean {
    const before = this.#inbox.readable;
    if (!this.#inbox.receive(offset, data, fin)) return false;
    this.#tellLimit();
    if (this.#inbox.readable > before || this.#inbox.ended) this.#listener?.readable();
    this.#settle();
    return true;
  }

  wasReset(code: number, offset: number): boolean {
    if (!this.#inbox.reset(offset)) return false;
    this.#listener?.failed({ by: 'reset', code });
    this.#settle();
    return true;
  }

  wasStopped(code: number): void {
    if (this.#outbox.done) return;
    this.#giveUp(code);
    this.#listener?.failed({ by: 'stopped', code });
    this.#settle();
  }

  raise(limit: number): void {
    this.#outbox.raise(limit);
    if (this.isReady) this.#owner.ready(this);
  }

  lost(): void {
    if (this.#over) return;
    this.#over = true;
    this.#outbox.abandon();
    this.#inbox.discard();
    this.#listener?.failed({ by: 'lost' });
  }

  #giveUp(code: number): void {
    this.#outbox.abandon();
    const { offset } = this.#outbox;
    this.#owner.say({ kind: 'streamReset', stream: this.id, code, offset });
  }

  #tellLimit(): void {
    const limit = this.#inbox.takeLimit();
    if (limit !== undefined) this.#owner.say({ kind: 'streamCredit', stream: this.id, limit });
    this.#owner.consumed();
  }

  #settle(): void {
    if (this.#over || !this.#outbox.done || !this.#inbox.done) return;
    this.#over = true;
    this.#owner.ended(this);
  }
}
