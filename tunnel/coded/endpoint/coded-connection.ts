import type { Clock, Timer } from '#protocol/clock.js';
import { ConnectionListeners } from '../../connection-listeners.js';
import type {
  CloseCode,
  CloseReason,
  Connection,
  ConnectionStats,
  Peer,
  Priority,
  Streams,
} from '../../transport.js';
import { Session } from '../session/session.js';
import type { SessionOptions, SessionStatus } from '../session/session-options.js';
import type { Traffic } from '../session/traffic.js';
import { Freight } from '../streams/freight.js';
import type { Packet } from '../wire/packet-header.js';
import { streamsOf } from './stream-duplex.js';

/** Whoever finds the connection of a datagram keeps these up to date. */
export interface ConnectionRegistry {
  issued(id: Uint8Array, connection: CodedConnection): void;
  retired(id: Uint8Array): void;
}

export interface CodedConnectionOptions {
  readonly session: Omit<SessionOptions, 'events'>;
  readonly ids: ConnectionRegistry;
  readonly peer: Peer;
  readonly clock: Clock;
  readonly transmit: (datagram: Uint8Array, to: string) => void;
  /** What the session has learnt of its path, when it ends. */
  readonly learnt?: (memory: unknown) => void;
}

/** A session as a Connection: its timer, its datagrams, its listeners. */
export class CodedConnection implements Connection {
  readonly transport = 'coded';
  readonly peer: Peer;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #transmit: CodedConnectionOptions['transmit'];
  readonly #listeners = new ConnectionListeners();
  readonly #counts = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #busy = false;

  constructor({ session, ids, peer, clock, transmit, learnt }: CodedConnectionOptions) {
    this.peer = peer;
    this.#clock = clock;
    this.#transmit = transmit;
    const events = {
      issued: (id: Uint8Array) => ids.issued(id, this),
      retired: (id: Uint8Array) => ids.retired(id),
      message: (message: Uint8Array) => this.#onMessage(message),
      drained: () => this.#listeners.drained(),
      ended: (reason: CloseReason) => {
        learnt?.(this.#session.remember());
        this.#listeners.ended(reason);
      },
    };
    this.#session = new Session({ ...session, events }, clock.now());
    this.#session.traffic.onReady(() => this.flush());
  }

  /** Streams live here. */
  get traffic(): Traffic {
    return this.#session.traffic;
  }

  get streams(): Streams | undefined {
    const { traffic } = this;
    return traffic instanceof Freight ? streamsOf(traffic) : undefined;
  }

  get isConfirmed(): boolean {
    return this.#session.isConfirmed;
  }

  get reason(): CloseReason | undefined {
    return this.#listeners.reason;
  }

  send(message: Uint8Array, priority: Priority): boolean {
    if (!this.#session.send(message, priority, this.#clock.now())) return false;
    this.#counts.sentMessages++;
    this.#counts.sentBytes += message.length;
    this.flush();
    return true;
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#listeners.onMessage(listener);
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
    this.#session.close(code, detail, this.#clock.now());
    this.flush();
  }

  stats(): ConnectionStats {
    const { rttMs, loss, lossIn, redundancy, sentBytes, deliveredBytes, ...more } = this.status();
    const { forged, replayed, moves, droppedRows } = more;
    const { full, outside, inconsistent, forgotten } = droppedRows;
    return {
      ...this.#counts,
      queuedBytes: this.traffic.queuedBytes,
      rttMs,
      loss,
      moves,
      dropped: { forged, replayed, full, outside, inconsistent, forgotten },
      ...(more.isSilent ? { silentMs: more.silentMs } : {}),
      ...(lossIn === undefined ? {} : { lossIn }),
      ...(redundancy === undefined ? {} : { redundancy }),
      ...(deliveredBytes === 0 ? {} : { sentPerDelivered: sentBytes / deliveredBytes }),
    };
  }

  status(): SessionStatus {
    return this.#session.status(this.#clock.now());
  }

  /** To be kept for the next session over the same network path. */
  remember(): unknown {
    return this.#session.remember();
  }

  /** False: it was not sealed for this session. */
  receive(packet: Packet, from: string): boolean {
    const isOurs = this.#guarded(() => this.#session.receive(packet, from, this.#clock.now()));
    this.flush();
    return isOurs;
  }

  isReset(datagram: Uint8Array): boolean {
    return this.#session.isReset(datagram);
  }

  /** Milliseconds since the other end was heard, and whether it owes an answer. */
  get silence(): { readonly ms: number; readonly awaits: boolean } {
    return this.#session.silence(this.#clock.now());
  }

  get rttMs(): number {
    return this.#session.roundTripMs;
  }

  /** Asks the other end to say something, now. */
  ask(): void {
    this.#session.ask(this.#clock.now());
    this.flush();
  }

  /** This end has another address from now on. */
  moved(): void {
    this.#session.moved(this.#clock.now());
    this.flush();
  }

  hurry(): void {
    this.#session.hurry(this.#clock.now());
    this.flush();
  }

  /** Sends what may leave now and sets the timer for the rest. Harmless at any time. */
  flush(): void {
    if (this.#busy) return;
    let now = this.#clock.now();
    this.#guarded(() => {
      for (let packets = 0; packets < BURST_MAX; packets++) {
        now = this.#clock.now();
        const out = this.#session.take(now);
        if (out === undefined) break;
        this.#transmit(out.datagram, out.to);
      }
    });
    this.#schedule(now);
  }

  /** Listeners call back in the middle of things: one flush afterwards is enough. */
  #guarded<T>(call: () => T): T {
    const was = this.#busy;
    this.#busy = true;
    try {
      return call();
    } finally {
      this.#busy = was;
    }
  }

  /**
   * `now`: when the session had nothing more to send. By a later time something may have become
   * due that it would take for blocked, and which would wait for the next event.
   */
  #schedule(now: number): void {
    const at = this.#session.wakeAt(now);
    if (at >= this.#timerAt && this.#timerAt > now) return; // the earlier one sets a later one
    this.#timer?.cancel();
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#timer = this.#clock.setTimer('tunnel session', at - now, () => {
      this.#timerAt = Infinity;
      this.#guarded(() => this.#session.onTimer(this.#clock.now()));
      this.flush();
    });
  }

  #onMessage(message: Uint8Array): void {
    this.#counts.receivedMessages++;
    this.#counts.receivedBytes += message.length;
    if (!this.#listeners.hear(message)) this.close('slow', 'nobody listens');
  }
}

/** Packets that leave in one turn: congestion control allows a few, a mistake must not be endless. */
const BURST_MAX = 256;
