import type { Role } from '../session/traffic.js';
import type { Cargo } from '../wire/cargo.js';
import type { ReceiveCredit } from './credit.js';
import { STREAM_LIMITS } from './limits.js';
import { RangeSet } from './range-set.js';
import { Stream, type StreamOwner } from './stream.js';

export interface TableOptions {
  /** The client's streams are even, the server's odd. */
  readonly role: Role;
  readonly classCredit: ReceiveCredit;
  say(word: Cargo): void;
  /** Called when a stream has something to send. */
  ready(): void;
  /** Called when the class may have a new limit to tell. */
  consumed(): void;
}

/** The streams of a connection: opened here or there, at most so many each way, in fair turns. */
export class StreamTable {
  readonly #options: TableOptions;
  readonly #own: 0 | 1;
  readonly #streams = new Map<number, Stream>();
  /** With something to send, the next first. */
  readonly #ready = new Set<Stream>();
  /** Numbers of the peer's streams that have ended. */
  readonly #past = new RangeSet();
  #opened = 0;
  #mayOpen: number = STREAM_LIMITS.streams;
  #peerMayOpen: number = STREAM_LIMITS.streams;
  #peerEnded = 0;
  #accept: ((stream: Stream) => void) | undefined;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#own = options.role === 'client' ? 0 : 1;
  }

  get count(): number {
    return this.#streams.size;
  }

  get unsentBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.unsentBytes;
    return bytes;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.memoryBytes;
    return bytes;
  }

  /** Undefined: as many are open as the other end allows. It hears of it with the first bytes. */
  open(): Stream | undefined {
    if (this.#opened >= this.#mayOpen) return undefined;
    return this.#make(2 * this.#opened++ + this.#own);
  }

  /** Nobody listens: the other end's streams are reset. */
  onStream(accept: (stream: Stream) => void): void {
    this.#accept = accept;
  }

  mayOpen(limit: number): void {
    this.#mayOpen = Math.max(this.#mayOpen, limit);
  }

  /** What the peer speaks of; 'past': it has ended; 'broken': it cannot be. */
  find(id: number): Stream | 'past' | 'broken' {
    const stream = this.#streams.get(id);
    if (stream !== undefined) return stream;
    const number = Math.floor(id / 2);
    if (id % 2 === this.#own) return number < this.#opened ? 'past' : 'broken';
    if (number >= this.#peerMayOpen) return 'broken';
    if (this.#past.has(number)) return 'past';
    const fresh = this.#make(id);
    if (this.#accept === undefined) fresh.reset(STREAM_CODES.refused);
    else this.#accept(fresh);
    return fresh;
  }

  /** The stream whose turn it is; it goes to the end of the row. */
  next(): Stream | undefined {
    for (const stream of this.#ready) {
      this.#ready.delete(stream);
      if (stream.isReady) return stream;
    }
    return undefined;
  }

  get isReady(): boolean {
    for (const stream of this.#ready) {
      if (stream.isReady) return true;
      this.#ready.delete(stream);
    }
    return false;
  }

  /** It was given its turn and may have more. */
  requeue(stream: Stream): void {
    if (stream.isReady) this.#ready.add(stream);
  }

  lose(): void {
    for (const stream of [...this.#streams.values()]) stream.lost();
    this.#streams.clear();
    this.#ready.clear();
  }

  #make(id: number): Stream {
    const owner: StreamOwner = {
      classCredit: this.#options.classCredit,
      say: (word) => this.#options.say(word),
      ready: (stream) => {
        this.#ready.add(stream);
        this.#options.ready();
      },
      consumed: () => this.#options.consumed(),
      ended: (stream) => this.#ended(stream),
    };
    const stream = new Stream(id, owner);
    this.#streams.set(id, stream);
    return stream;
  }

  #ended(stream: Stream): void {
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
    if (stream.id % 2 === this.#own) return;
    const number = Math.floor(stream.id / 2);
    this.#past.add(number, number + 1);
    this.#peerEnded++;
    const limit = this.#peerEnded + STREAM_LIMITS.streams;
    if (limit < this.#peerMayOpen + STREAM_LIMITS.streams * STREAM_LIMITS.creditStep) return;
    this.#peerMayOpen = limit;
    this.#options.say({ kind: 'streamsCredit', limit });
  }
}

/** Codes of a reset. 16 and above belong to whoever uses the streams. */
export const STREAM_CODES = {
  normal: 0,
  /** Nobody takes streams here. */
  refused: 1,
} as const;
