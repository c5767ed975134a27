import { Duplex } from 'node:stream';
import { EdgeError } from '#protocol/errors.js';
import type { Streams } from '../../transport.js';
import type { Freight } from '../streams/freight.js';
import { STREAM_CODES } from '../streams/stream-table.js';
import type { Stream, StreamFailure } from '../streams/stream.js';

/** The streams of a connection, for those outside the tunnel. */
export function streamsOf(freight: Freight): Streams {
  return {
    open: () => {
      const stream = freight.openStream();
      return stream === undefined ? undefined : new StreamDuplex(stream);
    },
    onStream: (listener) => freight.onStream((stream) => listener(new StreamDuplex(stream))),
  };
}

/** A stream as Node knows them: half-open, with back-pressure both ways. */
class StreamDuplex extends Duplex {
  readonly #stream: Stream;
  #isWanted = false;
  #hasEnded = false;
  #waiting: { readonly chunk: Uint8Array; readonly done: () => void } | undefined;

  constructor(stream: Stream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    stream.listen({
      readable: () => this.#pull(),
      drained: () => this.#retry(),
      failed: (failure) => this.destroy(errorOf(failure)),
    });
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pull();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting = { chunk, done };
    this.#retry();
  }

  override _final(done: () => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isComplete = this.writableFinished && this.#hasEnded;
    if (error !== null || !isComplete) this.#stream.reset(STREAM_CODES.normal);
    done(error);
  }

  #pull(): void {
    while (this.#isWanted) {
      const data = this.#stream.read();
      if (data === undefined) break;
      this.#isWanted = this.push(data);
    }
    if (!this.#stream.ended || this.#hasEnded) return;
    this.#hasEnded = true;
    this.push(null);
  }

  #retry(): void {
    if (this.#waiting === undefined || !this.#stream.write(this.#waiting.chunk)) return;
    const { done } = this.#waiting;
    this.#waiting = undefined;
    done();
  }
}

function errorOf(failure: StreamFailure): EdgeError {
  const what =
    failure.by === 'lost'
      ? 'The connection of this stream is over.'
      : `The other end gave the stream up (${failure.by} with ${failure.code}).`;
  return new EdgeError('EDGE_CONNECTION', what);
}
