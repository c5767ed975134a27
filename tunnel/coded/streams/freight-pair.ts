import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { Freight } from './freight.js';
import type { Stream, StreamFailure } from './stream.js';

/** Of the data in one symbol, as paths of 1,200 bytes have it. */
export const SYMBOL_BYTES = 1_140;
/** Symbols that may be under way, as the window of the exchange has it. */
const WINDOW = 2_040;

interface Flight {
  readonly to: 0 | 1;
  readonly symbol: Uint8Array;
}

/** For tests: two ends whose symbols arrive once each, in an order drawn at random. */
export class FreightPair {
  readonly ends = [new Freight({ role: 'client' }), new Freight({ role: 'server' })] as const;
  readonly messages: readonly [Uint8Array[], Uint8Array[]] = [[], []];
  readonly #flights: Flight[] = [];
  readonly #random: Random;
  symbols = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Symbols under way. */
  get flying(): number {
    return this.#flights.length;
  }

  /** Takes what both ends have to say, as far as the window lets them. */
  pump(): void {
    for (const from of [0, 1] as const) {
      const to = from === 0 ? 1 : 0;
      while (this.#flights.filter((flight) => flight.to === to).length < WINDOW) {
        const parcel = this.ends[from].next(SYMBOL_BYTES, false);
        if (parcel === undefined) break;
        if (parcel.data.length > SYMBOL_BYTES)
          throw new EdgeError('EDGE_INTERNAL', `A symbol of ${parcel.data.length} bytes.`);
        this.symbols++;
        this.#flights.push({ to, symbol: parcel.data });
      }
    }
  }

  /** One symbol arrives: among the oldest `spread` any. False: none is under way. */
  step(spread = Infinity): boolean {
    const choice = Math.min(spread, this.#flights.length);
    const [flight] = this.#flights.splice(Math.floor(this.#random.unit() * choice), 1);
    if (flight === undefined) return false;
    const messages = this.ends[flight.to].receive(flight.symbol);
    if (messages === 'broken') throw new EdgeError('EDGE_PROTOCOL', 'An honest end was refused.');
    this.messages[flight.to].push(...messages);
    return true;
  }

  /** Until all has been said and has arrived. */
  run(spread = Infinity): void {
    this.pump();
    while (this.step(spread)) this.pump();
  }
}

/** For tests: writes all of it as room allows, and ends. */
export function writeAll(stream: Stream, bytes: Uint8Array, chunk: number): void {
  let at = 0;
  const write = (): void => {
    while (at < bytes.length) {
      if (!stream.write(bytes.subarray(at, at + chunk))) return;
      at += chunk;
    }
    stream.end();
  };
  stream.listen({ readable: () => undefined, drained: write, failed: () => undefined });
  write();
}

/** For tests: what somebody read from a stream. */
export class Reading {
  readonly pieces: Uint8Array[] = [];
  failure: StreamFailure | undefined;
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
    stream.listen({
      readable: () => this.read(),
      drained: () => undefined,
      failed: (failure) => (this.failure = failure),
    });
  }

  get ended(): boolean {
    return this.#stream.ended;
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.pieces);
  }

  read(): void {
    for (let piece = this.#stream.read(); piece !== undefined; piece = this.#stream.read())
      this.pieces.push(piece);
  }
}

/** For tests: bytes that differ at every place. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 0xff);
}
