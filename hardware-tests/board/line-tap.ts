import type { Clock } from '#protocol/clock.js';
import type { OpenLink } from '#mappers/link.js';
import { crc16 } from '#mappers/modbus/adu.js';

export interface HeardExchange {
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
}

/** Milliseconds, sorted. */
export interface Spread {
  readonly count: number;
  readonly min: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Listens between the bus and its serial port: what was said, and when this program saw it. */
export class LineTap {
  /** The newest exchange of each request whose reply was whole. */
  readonly exchanges = new Map<string, HeardExchange>();
  /** From a request to the first byte of its answer. */
  readonly #answersMs: number[] = [];
  /** Between two pieces of one answer: the latency timer of a USB adapter shows here. */
  readonly #piecesMs: number[] = [];
  /** Before a request, since the last byte that was heard. */
  readonly #silencesMs: number[] = [];
  readonly #clock: Clock;
  #request: Uint8Array = new Uint8Array(0);
  #reply: Uint8Array = new Uint8Array(0);
  #sentMs = 0;
  #heardMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  around(open: OpenLink): OpenLink {
    return (events) => {
      const link = open({
        ...events,
        opened: () => events.opened(),
        closed: (cause) => events.closed(cause),
        received: (bytes) => {
          this.#heard(bytes);
          events.received(bytes);
        },
      });
      return {
        send: (bytes) => {
          this.#sent(bytes);
          link.send(bytes);
        },
        close: () => link.close(),
      };
    };
  }

  get answers(): Spread {
    return spread(this.#answersMs);
  }

  get pieces(): Spread {
    return spread(this.#piecesMs);
  }

  get silences(): Spread {
    return spread(this.#silencesMs);
  }

  /** Requests that went out after less silence than this. */
  soonerThan(silenceMs: number): number {
    return this.#silencesMs.filter((ms) => ms < silenceMs).length;
  }

  #sent(bytes: Uint8Array): void {
    const now = this.#clock.now();
    if (this.#heardMs !== undefined) this.#silencesMs.push(now - this.#heardMs);
    this.#request = bytes.slice();
    this.#reply = new Uint8Array(0);
    this.#sentMs = now;
  }

  #heard(bytes: Uint8Array): void {
    const now = this.#clock.now();
    if (this.#reply.length === 0) this.#answersMs.push(now - this.#sentMs);
    else if (this.#heardMs !== undefined) this.#piecesMs.push(now - this.#heardMs);
    this.#heardMs = now;
    this.#reply = Uint8Array.from([...this.#reply, ...bytes]);
    const { length } = this.#reply;
    if (length < 5 || this.#reply[0] !== this.#request[0]) return;
    const crc = (this.#reply[length - 2] ?? 0) | ((this.#reply[length - 1] ?? 0) << 8);
    if (crc16(this.#reply, 0, length - 2) !== crc) return;
    const request = this.#request;
    this.exchanges.set(Buffer.from(request).toString('hex'), { request, reply: this.#reply });
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, min: at(0), p50: at(0.5), p99: at(0.99), max: at(1) };
}
