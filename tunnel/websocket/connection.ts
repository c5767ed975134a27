import type { TLSSocket } from 'node:tls';
import type { WebSocket } from 'ws';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { ConnectionListeners } from '../connection-listeners.js';
import { KeepAlive } from '../keep-alive.js';
import { SendQueue } from '../send-queue.js';
import type {
  CloseCode,
  CloseReason,
  Connection,
  ConnectionStats,
  Peer,
  Priority,
} from '../transport.js';
import { clip, fromWire, toWire } from './close-codes.js';
import type { WebsocketLimits } from './limits.js';

/** One WebSocket as a Connection: own queue, own keep-alives, own closing, all through the Clock. */
export class WebsocketConnection implements Connection {
  readonly transport = 'websocket';
  readonly peer: Peer;
  readonly #websocket: WebSocket;
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  readonly #limits: WebsocketLimits;
  readonly #queue: SendQueue;
  readonly #keepAlive: KeepAlive;
  readonly #listeners = new ConnectionListeners();
  #state: 'open' | 'closing' | 'closed' = 'open';
  #flightBytes = 0;
  #counts = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };
  #reason: CloseReason | undefined;
  #failure = '';
  #timer: Timer | undefined;

  constructor(
    websocket: WebSocket,
    socket: TLSSocket,
    peer: Peer,
    clock: Clock,
    limits: WebsocketLimits,
  ) {
    this.#websocket = websocket;
    this.#socket = socket;
    this.peer = peer;
    this.#clock = clock;
    this.#limits = limits;
    this.#queue = new SendQueue(limits.queueBytes);
    this.#keepAlive = new KeepAlive(clock.now(), limits);
    // Nothing may be heard before there is somebody to hear it.
    websocket.pause();
    websocket.on('message', (data: Buffer, isBinary) => this.#onMessage(data, isBinary));
    websocket.on('ping', (data) => this.#onPing(data));
    websocket.on('pong', () => this.#keepAlive.answered(clock.now()));
    websocket.on('error', (error: Error) => this.#onError(error));
    websocket.on('close', (code, text) => this.#onClose(code, text));
    socket.on('error', (error: Error) => (this.#failure = error.message));
    socket.on('data', () => this.#keepAlive.heard(clock.now()));
    this.#ask();
    this.#watch();
  }

  send(message: Uint8Array, priority: Priority): boolean {
    if (message.length > this.#limits.messageBytes)
      throw new EdgeError('EDGE_LIMIT', `A message of ${message.length} bytes is too long.`, {
        hint: `Split it: at most ${this.#limits.messageBytes} bytes.`,
      });
    if (!this.#open() || !this.#queue.offer(message, priority)) return false;
    this.#pump();
    return true;
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#listeners.onMessage(listener);
    this.#websocket.resume();
  }

  onDrained(listener: () => void): void {
    this.#listeners.onDrained(listener);
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#listeners.onClose(listener);
  }

  onGone(listener: () => void): void {
    this.#listeners.onGone(listener);
  }

  close(code: CloseCode, detail = ''): void {
    if (!this.#open()) return;
    this.#end({ code, detail, remote: false });
    if (code === 'lost') this.#websocket.terminate();
    else if (this.#idle()) this.#sayGoodbye();
    else this.#schedule('tunnel close linger', this.#limits.lingerMs, () => this.#sayGoodbye());
  }

  stats(): ConnectionStats {
    const { rttMs } = this.#keepAlive;
    return {
      ...this.#counts,
      queuedBytes: this.#queue.bytes + this.#flightBytes,
      ...(rttMs === undefined ? {} : { rttMs }),
    };
  }

  /** False also when the peer's goodbye was heard: then its reason is the one that counts. */
  #open(): boolean {
    return this.#state === 'open' && this.#websocket.readyState === 1;
  }

  #idle(): boolean {
    return this.#queue.empty && this.#flightBytes === 0;
  }

  /** Keeps only so much in the socket that an urgent message can still overtake the rest. */
  #pump(): void {
    while (this.#flightBytes < this.#limits.flightBytes && this.#websocket.readyState === 1) {
      const message = this.#queue.take();
      if (message === undefined) break;
      this.#flightBytes += message.length;
      this.#keepAlive.said(this.#clock.now());
      this.#counts.sentMessages++;
      this.#counts.sentBytes += message.length;
      this.#websocket.send(message, { binary: true }, () => {
        this.#flightBytes -= message.length;
        this.#pump();
        if (this.#state === 'closing' && this.#idle()) this.#sayGoodbye();
        if (this.#state === 'open' && this.#queue.relieved()) this.#listeners.drained();
      });
    }
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#state !== 'open') return;
    if (!isBinary) {
      this.#fail('a text message');
      return;
    }
    this.#counts.receivedMessages++;
    this.#counts.receivedBytes += data.length;
    this.#listeners.hear(new Uint8Array(data.buffer, data.byteOffset, data.length));
  }

  /** Answered here and not by the library, which would queue answers for a peer that never reads. */
  #onPing(data: Buffer): void {
    if (this.#websocket.readyState !== 1) return;
    if (this.#socket.writableLength > this.#limits.pongBacklogBytes) {
      this.#end({ code: 'slow', detail: 'pings without reading the answers', remote: false });
      this.#websocket.terminate();
      return;
    }
    this.#keepAlive.said(this.#clock.now());
    this.#websocket.pong(data);
  }

  #fail(detail: string): void {
    this.#end({ code: 'protocol', detail, remote: false });
    this.#sayGoodbye();
  }

  #onError(error: Error): void {
    this.#failure = error.message;
    if (!('code' in error) || !String(error.code).startsWith('WS_ERR_')) return;
    // The library has sent the close frame that the error asks for.
    if (this.#state === 'open')
      this.#end({ code: 'protocol', detail: error.message, remote: false });
    this.#schedule('tunnel close wait', this.#limits.lingerMs, () => this.#websocket.terminate());
  }

  /** From here nothing is taken and nothing delivered; the first reason stands. */
  #end(reason: CloseReason): void {
    this.#state = 'closing';
    this.#reason = reason;
    this.#timer?.cancel();
  }

  #sayGoodbye(): void {
    const { code, detail } = this.#reason ?? { code: 'normal', detail: '' };
    this.#queue.clear();
    this.#schedule('tunnel close wait', this.#limits.lingerMs, () => this.#websocket.terminate());
    // A socket paused for want of a listener could not hear the answer.
    this.#websocket.resume();
    if (code === 'lost') this.#websocket.terminate();
    else this.#websocket.close(toWire(code), clip(detail, this.#limits.detailBytes));
  }

  #onClose(code: number, text: Buffer): void {
    this.#timer?.cancel();
    this.#reason ??= {
      code: fromWire(code),
      detail: text.length > 0 ? text.toString('utf8') : this.#failure,
      remote: true,
    };
    this.#state = 'closed';
    this.#queue.clear();
    this.#listeners.ended(this.#reason);
  }

  #ask(): void {
    this.#keepAlive.asked(this.#clock.now());
    this.#websocket.ping();
  }

  #watch(): void {
    const delayMs = this.#keepAlive.dueAtMs() - this.#clock.now();
    this.#schedule('tunnel keep-alive', delayMs, () => {
      const due = this.#keepAlive.due(this.#clock.now());
      if (due === 'lost') {
        this.#end({ code: 'lost', detail: 'silence', remote: true });
        this.#websocket.terminate();
        return;
      }
      if (due === 'ask') this.#ask();
      this.#watch();
    });
  }

  #schedule(name: string, delayMs: number, fire: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(name, delayMs, fire);
  }
}
