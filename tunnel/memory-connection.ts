import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { ConnectionListeners } from './connection-listeners.js';
import { TUNNEL_LIMITS } from './limits.js';
import { SendQueue } from './send-queue.js';
import type {
  CloseCode,
  CloseReason,
  Connection,
  ConnectionStats,
  Peer,
  Priority,
} from './transport.js';

/** One message, or one goodbye (`bytes` undefined), on its way from one end to the other. */
export interface Flight {
  /** The gateway's name, on either way. */
  readonly node: string;
  readonly way: 'up' | 'down';
  readonly bytes: Uint8Array | undefined;
  /** It, or what stands in its place, comes through. Twice: a duplicate. Void after the connection. */
  readonly arrive: (instead?: Uint8Array) => void;
  /** It never does, and its sender does not know. */
  readonly lose: () => void;
}

/** Decides about flights instead of `latencyMs` and `jitterMs`. Never calls back at once. */
export type Carrier = (flight: Flight) => void;

export interface MemoryLimits {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly silenceMs: number;
  readonly messageBytes: number;
  readonly queueBytes: number;
  readonly flightBytes: number;
}

interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: MemoryLimits;
  readonly carry?: Carrier | undefined;
}

/** Both ends of one connection. `door` marks the accepted end as its listener's. */
export function memoryLink(
  hub: Peer,
  node: Peer,
  door: object,
  world: World,
): { dialled: MemoryConnection; accepted: MemoryConnection; ends: readonly MemoryConnection[] } {
  const dialled = new MemoryConnection(hub, undefined, world, { node: node.name, way: 'up' });
  const accepted = new MemoryConnection(node, door, world, { node: node.name, way: 'down' });
  dialled.join(accepted);
  accepted.join(dialled);
  return { dialled, accepted, ends: [dialled, accepted] };
}

export class MemoryConnection implements Connection {
  readonly transport = 'memory';
  readonly peer: Peer;
  readonly door: object | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: MemoryLimits;
  readonly #carry: Carrier;
  readonly #path: Pick<Flight, 'node' | 'way'>;
  readonly #queue: SendQueue;
  readonly #listeners = new ConnectionListeners();
  readonly #flights = new Set<{ lost: boolean }>();
  #other: MemoryConnection | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #reason: CloseReason | undefined;
  #cut = false;
  #flightBytes = 0;
  #counts = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };
  #linger: Timer | undefined;

  constructor(
    peer: Peer,
    door: object | undefined,
    { clock, random, limits, carry }: World,
    path: Pick<Flight, 'node' | 'way'>,
  ) {
    this.peer = peer;
    this.door = door;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#carry = carry ?? ((flight) => this.#carryCalmly(flight));
    this.#path = path;
    this.#queue = new SendQueue(limits.queueBytes);
  }

  join(other: MemoryConnection): void {
    this.#other = other;
  }

  send(message: Uint8Array, priority: Priority): boolean {
    if (message.length > this.#limits.messageBytes)
      throw new EdgeError('EDGE_LIMIT', `A message of ${message.length} bytes is too long.`, {
        hint: `Split it: at most ${this.#limits.messageBytes} bytes.`,
      });
    if (this.#state !== 'open' || !this.#queue.offer(message, priority)) return false;
    this.#pump();
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
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#reason = { code, detail, remote: false };
    if (code === 'lost' || this.#idle()) this.#sayGoodbye();
    else
      this.#linger = this.#clock.setTimer('memory linger', TUNNEL_LIMITS.lingerMs, () =>
        this.#sayGoodbye(),
      );
  }

  /** The cable is cut: nothing passes any more, and after a while this end notices. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    for (const flight of this.#flights) flight.lost = true;
    this.#fadeOut();
  }

  /** This end has heard nothing for too long; the other one finds out by itself. */
  sever(): void {
    this.#finish({ code: 'lost', detail: 'silence', remote: true });
  }

  stats(): ConnectionStats {
    return {
      ...this.#counts,
      queuedBytes: this.#queue.bytes + this.#flightBytes,
      rttMs: 2 * this.#limits.latencyMs,
    };
  }

  #idle(): boolean {
    return this.#queue.empty && this.#flightBytes === 0;
  }

  #pump(): void {
    while (!this.#cut && this.#flightBytes < this.#limits.flightBytes) {
      const message = this.#queue.take();
      if (message === undefined) return;
      this.#flightBytes += message.length;
      this.#counts.sentMessages++;
      this.#counts.sentBytes += message.length;
      this.#fly(message);
    }
  }

  #fly(message: Uint8Array): void {
    const state = { lost: false };
    this.#flights.add(state);
    const land = (): void => {
      if (!this.#flights.delete(state)) return;
      this.#flightBytes -= message.length;
      this.#pump();
      if (this.#state === 'closing' && this.#idle()) this.#sayGoodbye();
      if (this.#state === 'open' && this.#queue.relieved()) this.#listeners.drained();
    };
    this.#carry({
      ...this.#path,
      bytes: message,
      arrive: (instead = message) => {
        if (!state.lost) this.#other?.arrive(instead.slice());
        land();
      },
      lose: land,
    });
  }

  #carryCalmly({ bytes, arrive }: Flight): void {
    const { latencyMs, jitterMs } = this.#limits;
    const jitter = bytes === undefined ? 0 : this.#random.unit() * jitterMs;
    this.#clock.setTimer('memory message', latencyMs + jitter, arrive);
  }

  /** For the other end: a message came through. */
  arrive(message: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#counts.receivedMessages++;
    this.#counts.receivedBytes += message.length;
    if (!this.#listeners.hear(message)) this.close('slow', 'nobody listens');
  }

  /** For the other end: it said goodbye. */
  depart(reason: CloseReason): void {
    this.#finish(reason);
  }

  #sayGoodbye(): void {
    const reason = this.#reason;
    if (reason === undefined || this.#state === 'closed') return;
    if (!this.#cut)
      this.#carry({
        ...this.#path,
        bytes: undefined,
        arrive: () => this.#other?.depart({ ...reason, remote: true }),
        lose: () => undefined,
      });
    // Never within the call of `close`.
    this.#clock.setTimer('memory closed', 0, () => this.#finish(reason));
  }

  #finish(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason ??= reason;
    this.#linger?.cancel();
    for (const flight of this.#flights) flight.lost = true;
    this.#flights.clear();
    this.#queue.clear();
    this.#other?.forsaken();
    this.#listeners.ended(this.#reason);
  }

  /** For the other end: nobody is there any more, and no goodbye may ever come. */
  forsaken(): void {
    if (this.#state !== 'closed') this.#fadeOut();
  }

  #fadeOut(): void {
    this.#clock.setTimer('memory silence', this.#limits.silenceMs, () => this.sever());
  }
}
