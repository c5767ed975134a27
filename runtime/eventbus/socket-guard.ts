import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock, Timer } from '#protocol/clock.js';
import type { ClientCertificate } from './client-certificate.js';
import type { EventBusLimits } from './limits.js';
import { PacketScanner } from './packet-scanner.js';
import type { Breach } from './packet-scanner.js';
import { TokenBucket } from './token-bucket.js';
import { WriteBuffer } from './write-buffer.js';

/** Why the guard ended a connection by itself. */
export type CutReason = Breach | 'connect-timeout' | 'slow-consumer' | 'revoked';

export interface GuardCounters {
  readonly cuts: Record<CutReason, number>;
  /** Times a client was not read for a while because it published too fast. */
  throttled: number;
  bytesIn: number;
  bytesOut: number;
  publishesIn: number;
}

export function newGuardCounters(): GuardCounters {
  const cuts = {
    'not-connect': 0,
    'second-connect': 0,
    'bad-packet-type': 0,
    'bad-length': 0,
    'packet-too-large': 0,
    'connect-timeout': 0,
    'slow-consumer': 0,
    revoked: 0,
  };
  return { cuts, throttled: 0, bytesIn: 0, bytesOut: 0, publishesIn: 0 };
}

/** What is known of a connection with TLS. */
export interface SecureConnection {
  /** Absent: the client showed none. */
  readonly certificate?: ClientCertificate;
  /** Somebody was let in by it: it is a stranger's no more. */
  readonly admitted: () => void;
}

export interface GuardOptions {
  readonly limits: EventBusLimits;
  readonly clock: Clock;
  readonly counters: GuardCounters;
  /** A whole CONNECT is here: now the broker may take the connection over. */
  readonly onConnect: () => void;
  readonly onCut: (reason: CutReason) => void;
  /** Absent: a plain connection. */
  readonly secure?: SecureConnection | undefined;
}

/** `connect`: the CONNECT is awaited. `held`: it is being judged and nothing after it is read. */
type Phase = 'connect' | 'held' | 'open' | 'closed';

const TCP_KEEPALIVE_MS = 60_000;
/** What one client may have handled before it is the turn of the others. */
const SLICE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * The armour between a socket and Aedes, which has none: an unknown peer gets a few KB and a few
 * seconds until its CONNACK; declared lengths are judged before bytes are kept; what a turn
 * writes leaves in one system call; a client that does not read is cut instead of blocking all.
 * All of it is counted (docs/mqtt.md).
 */
export class SocketGuard extends Duplex {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #options: GuardOptions;
  readonly #scanner: PacketScanner;
  readonly #bucket: TokenBucket;
  readonly #out = new WriteBuffer();
  #phase: Phase = 'connect';
  #connect: Buffer[] = [];
  /** Came with the CONNECT, or in a chunk larger than a slice: not handed over yet. */
  #rest: Buffer = NOTHING;
  #full = false;
  #flushing = false;
  #ended = false;
  #finished = false;
  #cut = false;
  #holds = 0;
  #timer: Timer | undefined;
  #throttle: Timer | undefined;
  #drained: (() => void)[] = [];

  constructor(socket: Socket, options: GuardOptions) {
    super({ readableHighWaterMark: 64 * 1024, autoDestroy: false, emitClose: true });
    const { clock, limits } = options;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.#socket = socket;
    this.#options = options;
    this.#scanner = new PacketScanner(limits);
    this.#bucket = new TokenBucket(limits.publishesPerSecond, limits.publishBurst, clock.now());
    this.#timer = clock.setTimer('eventbus connect', limits.connectMs, () =>
      this.#end('connect-timeout'),
    );
    // mqtt-packet corks and schedules an uncork for each packet, if it can: here it needs not.
    Object.defineProperty(this, 'cork', { value: undefined });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('drain', () => this.#wakeReplays());
    socket.on('end', () => this.#inputEnded());
    socket.on('error', () => this.destroy());
    socket.on('close', (hadError) => this.#socketClosed(hadError));
  }

  get secure(): SecureConnection | undefined {
    return this.#options.secure;
  }

  /** Bytes that wait for the peer to read. */
  get queuedBytes(): number {
    return this.#out.length + this.#socket.writableLength;
  }

  /** The CONNACK is out: what came after the CONNECT may be read, and time is no longer bounded. */
  open(): void {
    if (this.#phase !== 'held') return;
    this.#phase = 'open';
    this.#timer?.cancel();
    this.#options.secure?.admitted();
    const rest = this.#rest;
    this.#rest = NOTHING;
    if (rest.length > 0) this.#forward(rest);
    this.#resume();
    this.#finishInput();
  }

  /** Ends the connection; counted under its reason. */
  cut(reason: CutReason): void {
    this.#end(reason);
  }

  /** Stops reading the peer until `release`; nests. */
  hold(): void {
    this.#holds++;
    this.#socket.pause();
  }

  release(): void {
    this.#holds--;
    this.#resume();
  }

  /** Resolves when few enough bytes wait that more may be written, or when closed. */
  async replayable(): Promise<void> {
    while (!this.destroyed && this.queuedBytes > this.#options.limits.replayBytes)
      await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Never blocks its caller: Aedes would make every client wait for the slowest. */
  override write(piece: string | Uint8Array): boolean {
    if (this.#phase === 'closed') return true;
    this.#out.append(piece);
    if (this.#out.length > this.#options.limits.slowConsumerBytes) this.#flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.#flush());
    }
    return true;
  }

  override _read(): void {
    this.#full = false;
    this.#resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#flush();
    this.#phase = 'closed';
    this.#timer?.cancel();
    this.#throttle?.cancel();
    this.#wakeReplays();
    const socket = this.#socket;
    if (this.#cut) reset(socket, this.#options.secure);
    else if (!socket.destroyed) {
      // The last bytes (a refusing CONNACK) may leave, but a peer cannot keep the socket.
      const { clock, limits } = this.#options;
      const linger = clock.setTimer('eventbus linger', limits.lingerMs, () => socket.destroy());
      socket.once('close', () => linger.cancel());
      socket.resume();
      socket.destroySoon();
    }
    done(error);
  }

  #received(chunk: Buffer): void {
    if (this.#phase === 'closed') return;
    this.#options.counters.bytesIn += chunk.length;
    if (this.#phase === 'connect') this.#connecting(chunk);
    else if (this.#phase === 'held') this.#rest = Buffer.concat([this.#rest, chunk]);
    else this.#forward(chunk);
  }

  #connecting(chunk: Buffer): void {
    const end = this.#scanner.advance(chunk, 0);
    if (this.#scanner.breach !== undefined) {
      this.#end(this.#scanner.breach);
      return;
    }
    this.#connect.push(chunk.subarray(0, end));
    if (!this.#scanner.atBoundary) return;
    this.#phase = 'held';
    this.#rest = chunk.subarray(end);
    this.#socket.pause();
    this.#options.onConnect();
    this.push(Buffer.concat(this.#connect));
    this.#connect = [];
  }

  #forward(chunk: Buffer): void {
    const before = this.#scanner.publishes;
    const breach = this.#scanner.scan(chunk);
    if (breach !== undefined) {
      this.#end(breach);
      return;
    }
    this.#slice(chunk);
    const publishes = this.#scanner.publishes - before;
    this.#options.counters.publishesIn += publishes;
    const { clock } = this.#options;
    const waitMs = publishes === 0 ? 0 : this.#bucket.take(publishes, clock.now());
    if (waitMs > 0 && this.#throttle === undefined) {
      this.#options.counters.throttled++;
      this.hold();
      this.#throttle = clock.setTimer('eventbus throttle', waitMs, () => {
        this.#throttle = undefined;
        this.release();
      });
    }
  }

  /**
   * Hands over at most a slice in a turn, and reads no more meanwhile: then it is the turn of the
   * other clients. libuv alone would read 2 MB of one socket before it looks at another.
   */
  #slice(chunk: Buffer): void {
    const slice = chunk.subarray(0, SLICE_BYTES);
    this.#rest = chunk.subarray(slice.length);
    if (!this.push(slice)) {
      this.#full = true;
      this.#socket.pause();
    }
    if (slice.length < SLICE_BYTES) return;
    this.hold();
    setImmediate(() => {
      if (this.#phase === 'closed') return;
      this.#holds--;
      if (this.#rest.length > 0) this.#slice(this.#rest);
      this.#resume();
      this.#finishInput();
    });
  }

  /** The end of the input, once all before it was handed over. */
  #finishInput(): void {
    if (!this.#ended || this.#finished || this.#phase !== 'open' || this.#rest.length > 0) return;
    this.#finished = true;
    this.push(null);
  }

  #resume(): void {
    if (this.#phase === 'open' && this.#holds === 0 && !this.#full) this.#socket.resume();
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#phase === 'closed' || this.#out.length === 0) return;
    this.#options.counters.bytesOut += this.#out.length;
    const buffers = this.#out.take();
    const socket = this.#socket;
    if (!socket.writable) return;
    if (buffers.length > 1) socket.cork();
    for (const buffer of buffers) socket.write(buffer);
    if (buffers.length > 1) socket.uncork();
    if (socket.writableLength > this.#options.limits.slowConsumerBytes) this.#end('slow-consumer');
    else this.#wakeReplays();
  }

  #wakeReplays(): void {
    const waiting = this.#drained;
    this.#drained = [];
    for (const wake of waiting) wake();
  }

  #inputEnded(): void {
    this.#ended = true;
    if (this.#phase === 'connect') this.destroy();
    else this.#finishInput();
  }

  /** What was read and not yet handled is still handled; but not for ever. */
  #socketClosed(hadError: boolean): void {
    if (this.#phase === 'connect' || hadError || this.#phase === 'closed') {
      this.destroy();
      return;
    }
    if (!this.#ended) this.#inputEnded();
    const { clock, limits } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.setTimer('eventbus linger', limits.lingerMs, () => this.destroy());
    this.#wakeReplays();
  }

  #end(reason: CutReason): void {
    if (this.#cut || this.#phase === 'closed') return;
    this.#cut = true;
    this.#options.counters.cuts[reason]++;
    this.#options.onCut(reason);
    this.destroy();
  }
}

/** Node resets plain sockets only; of one with TLS what was not sent is dropped as well. */
function reset(socket: Socket, secure: SecureConnection | undefined): void {
  if (secure === undefined) socket.resetAndDestroy();
  else socket.destroy();
}
