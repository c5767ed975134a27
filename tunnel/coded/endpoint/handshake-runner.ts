import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { handshakeDatagram, handshakeRoom, type LongFields } from '../session/handshake-packets.js';
import { HandshakeStream } from '../session/handshake-stream.js';
import { decodeFrames } from '../wire/frame-reader.js';
import type { HandshakePort, HandshakeResult, OpenHandshake } from './handshake-port.js';

export interface HandshakeRunnerOptions {
  readonly clock: Clock;
  readonly open: OpenHandshake;
  /** Of the next packet: they change when the other end is heard. */
  readonly fields: () => LongFields;
  readonly context: () => Uint8Array;
  readonly transmit: (datagram: Uint8Array) => void;
  readonly onDone: (result: HandshakeResult) => void;
  readonly onFailed: (error: EdgeError) => void;
}

/** One end's handshake: the authentication above, the reliable stream below, one timer. */
export class HandshakeRunner {
  readonly #options: HandshakeRunnerOptions;
  readonly #stream = new HandshakeStream();
  readonly #port: HandshakePort;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #isOver = false;
  #heard = false;

  /** Throws what `open` throws. */
  constructor(options: HandshakeRunnerOptions) {
    this.#options = options;
    this.#port = options.open({
      write: (bytes) => this.#write(bytes),
      done: (result) => options.onDone(result),
      failed: (error) => options.onFailed(error),
      context: options.context,
    });
  }

  /** Measured with an acknowledged packet, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#stream.roundTripMs;
  }

  /** A whole handshake packet of the other end came. */
  get heard(): boolean {
    return this.#heard;
  }

  /** The payload of a handshake packet. What cannot be read is thrown away. */
  receive(packetNumber: number, payload: Uint8Array): void {
    const frames = decodeFrames(payload);
    if (this.#isOver || !frames.ok) return;
    this.#heard = true;
    const news = this.#stream.receive(packetNumber, frames.value, this.#options.clock.now());
    for (const bytes of news) this.#port.read(bytes);
    this.#schedule();
  }

  /** The first flight again, under new fields. */
  restart(): void {
    this.#stream.restart(this.#options.clock.now());
    this.#flush();
  }

  /** Frees TLS and everything else. Idempotent. */
  destroy(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#port.destroy();
  }

  #write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#stream.write(bytes, this.#options.clock.now())) this.#schedule();
    else this.#options.onFailed(new EdgeError('EDGE_LIMIT', 'A handshake without end.'));
  }

  #flush(): void {
    const { clock, fields, transmit } = this.#options;
    while (!this.#isOver) {
      const room = handshakeRoom(fields());
      const departure = this.#stream.take(clock.now(), room);
      if (departure === undefined) break;
      transmit(handshakeDatagram(fields(), departure.number, departure.frames));
    }
    this.#schedule();
  }

  /** Never at once: TLS writes a flight in pieces, and its verdict comes right after its bytes. */
  #schedule(): void {
    if (this.#isOver) return;
    const { clock } = this.#options;
    const now = clock.now();
    const at = Math.max(this.#stream.wakeAt(), now);
    if (at >= this.#timerAt && this.#timerAt > now) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#timer = clock.setTimer('tunnel handshake', at - now, () => {
      this.#timerAt = Infinity;
      this.#flush();
    });
  }
}
