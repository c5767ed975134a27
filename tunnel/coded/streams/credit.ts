import { STREAM_LIMITS } from './limits.js';

/** What the other end lets us send: bytes from the start, of a stream or of a class. */
export class SendCredit {
  #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get left(): number {
    return this.#limit - this.#used;
  }

  use(bytes: number): void {
    this.#used += bytes;
  }

  /** Limits arrive in any order; they never go down. */
  raise(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
  }
}

/** What we let the other end send. `limit` is a promise; what is beyond it breaks the protocol. */
export class ReceiveCredit {
  readonly #windowMax: number;
  #window: number;
  #limit: number;
  /** Told lately, this one included. */
  readonly #told: number[];
  #received = 0;
  #consumed = 0;

  constructor(window: number, windowMax = window) {
    this.#window = window;
    this.#windowMax = windowMax;
    this.#limit = window;
    this.#told = [window];
  }

  get window(): number {
    return this.#window;
  }

  /** Bytes received and not consumed. */
  get held(): number {
    return this.#received - this.#consumed;
  }

  /** False: more than was promised. */
  receive(bytes: number): boolean {
    this.#received += bytes;
    return this.#received <= this.#limit;
  }

  consume(bytes: number): void {
    this.#consumed += bytes;
  }

  /**
   * A piece that ends exactly at a limit shows that the sender stood there, and much behind a gap
   * that it soon will. When that is not the reader's fault, the window is too small for the path.
   */
  sawPieceEnd(end: number, unread: number): void {
    const stood = this.#told.includes(end);
    const willStand = this.held - unread > this.#window * STREAM_LIMITS.gapShare;
    if (unread > this.#window / 2 || !(stood || willStand)) return;
    this.#window = Math.min(2 * this.#window, this.#windowMax);
  }

  /** A new limit to be told, when it is worth a word. */
  takeLimit(): number | undefined {
    const limit = this.#consumed + this.#window;
    if (limit < this.#limit + this.#window * STREAM_LIMITS.creditStep) return undefined;
    this.#limit = limit;
    this.#told.push(limit);
    if (this.#told.length > STREAM_LIMITS.limitsKept) this.#told.shift();
    return limit;
  }
}
