import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { unsupportedMessage } from '#protocol/message-codec.js';
import { randomId } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import { SessionCodec } from '#protocol/session-codec.js';
import type { SyncMessage } from '#protocol/sync-message.js';
import type { CloseCode, Connection, Priority, Streams } from '#tunnel/transport.js';
import type { NodeLinkView } from '../fleet.js';
import { HUB_LIMITS } from '../limits.js';
import type { HubCounters } from './counters.js';
import type { SessionId } from './judgement.js';
import type { NodeLoop, SessionPort } from './node-loop.js';

export interface NodeSessionOptions {
  readonly id: SessionId;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: HubCounters;
  /** The node's loop, asked for at HELLO; throws what refuses the node. */
  readonly loop: () => NodeLoop;
  readonly onClosed: () => void;
}

/**
 * One connection: bytes to messages and back, within bounds. It decodes and counts; what a message
 * means is judged by the node's machine. Whatever a peer sends can end its own session only.
 */
export class NodeSession implements SessionPort {
  readonly id: SessionId;
  readonly address: string;
  readonly transport: string;
  readonly #options: NodeSessionOptions;
  readonly #connection: Connection;
  readonly #codec = new SessionCodec();
  #loop: NodeLoop | undefined;
  #phase: 'waiting' | 'opening' | 'open' | 'closed' = 'waiting';
  readonly #helloTimer: Timer;
  #epoch = 0;
  #queuedMessages = 0;
  #queuedBytes = 0;
  /** What the connection did not take yet. */
  #unsent: { readonly bytes: Uint8Array; readonly priority: Priority }[] = [];
  #unsentBytes = 0;

  constructor(options: NodeSessionOptions) {
    const { id, connection, clock } = options;
    this.#options = options;
    this.#connection = connection;
    this.id = id;
    this.address = connection.peer.address;
    this.transport = connection.transport;
    this.#helloTimer = clock.setTimer('hello', HUB_LIMITS.helloWithinMs, () => {
      options.counters.refusedConnections++;
      this.close('protocol', 'no HELLO in time');
    });
    connection.onMessage((bytes) => this.#receive(bytes));
    connection.onDrained(() => this.#flush());
    connection.onClose(() => this.#closed());
  }

  get node(): string {
    return this.#connection.peer.name;
  }

  get streams(): Streams | undefined {
    return this.#connection.streams;
  }

  link(): NodeLinkView {
    const { rttMs, silentMs, loss, lossIn, redundancy, sentPerDelivered } =
      this.#connection.stats();
    return {
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(silentMs === undefined ? {} : { silentMs }),
      ...(loss === undefined ? {} : { loss }),
      ...(lossIn === undefined ? {} : { lossIn }),
      ...(redundancy === undefined ? {} : { redundancy }),
      ...(sentPerDelivered === undefined ? {} : { sentPerDelivered }),
    };
  }

  send(message: SyncMessage, priority: Priority): void {
    if (this.#phase === 'closed') return;
    if (message.kind === 'welcome') {
      this.#phase = 'open';
      this.#epoch = message.epoch;
    }
    const bytes = this.#codec.encode(message);
    if (this.#unsent.length === 0 && this.#connection.send(bytes, priority)) return;
    this.#unsent.push({ bytes, priority });
    this.#unsentBytes += bytes.length;
    if (
      this.#unsent.length > HUB_LIMITS.unsentMessages ||
      this.#unsentBytes > HUB_LIMITS.unsentBytes
    )
      this.#closeSlow('the gateway does not take what it is sent');
  }

  close(code: CloseCode, detail: string): void {
    this.#connection.close(code, detail);
    this.#closed();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#phase === 'closed') return;
    let message: SyncMessage;
    let plainBytes: number;
    try {
      ({ message, plainBytes } = this.#codec.decode(bytes));
    } catch (thrown) {
      this.#undecodable(thrown);
      return;
    }
    if (message.kind === 'hello') this.#greeted(message);
    else if (this.#phase === 'open') this.#queue(message, plainBytes);
    else if (message.kind === 'bye') this.close('normal', message.detail);
    else this.#misbehaved(`${message.kind} before WELCOME`);
  }

  #undecodable(thrown: unknown): void {
    const { counters, log } = this.#options;
    const error = EdgeError.from(thrown);
    const unknown = unsupportedMessage(error);
    if (unknown !== undefined && this.#phase === 'open' && unknown.epoch === this.#epoch) {
      counters.unsupportedMessages++;
      this.send({ kind: 'unsupported', ...unknown }, 'control');
      return;
    }
    counters.malformedMessages++;
    log.warn('message refused', { node: this.node, code: error.code, detail: error.message });
    this.close('protocol', error.message);
  }

  #greeted(hello: Extract<SyncMessage, { kind: 'hello' }>): void {
    if (this.#phase !== 'waiting') {
      this.#misbehaved('a second HELLO');
      return;
    }
    this.#phase = 'opening';
    this.#helloTimer.cancel();
    const { random, loop } = this.#options;
    const fresh = { lineage: randomId(random), hubLineage: randomId(random) };
    try {
      this.#loop = loop();
    } catch (thrown) {
      this.#options.counters.refusedConnections++;
      const { message } = EdgeError.from(thrown);
      this.send({ kind: 'bye', reason: 'refused', detail: message }, 'control');
      this.close('unauthorized', message);
      return;
    }
    this.#loop.attach(this);
    this.#submit(this.#loop.submit({ kind: 'hello', session: this.id, hello, fresh }));
  }

  #queue(message: SyncMessage, bytes: number): void {
    const loop = this.#loop;
    if (loop === undefined) return;
    if (
      this.#queuedMessages >= HUB_LIMITS.queuedMessages ||
      this.#queuedBytes + bytes > HUB_LIMITS.queuedBytes
    ) {
      this.#closeSlow('more messages than the hub can store');
      return;
    }
    this.#queuedMessages++;
    this.#queuedBytes += bytes;
    const judged = loop.submit({ kind: 'message', session: this.id, message });
    this.#submit(
      judged.finally(() => {
        this.#queuedMessages--;
        this.#queuedBytes -= bytes;
      }),
    );
  }

  /** An event that cannot be judged or stored ends the session; the gateway will come again. */
  #submit(judged: Promise<unknown>): void {
    judged.catch((thrown: unknown) => {
      const error = EdgeError.from(thrown);
      this.#options.log.warn('session ended', { node: this.node, error });
      this.close('lost', error.message);
    });
  }

  #flush(): void {
    let next = this.#unsent[0];
    while (next !== undefined && this.#connection.send(next.bytes, next.priority)) {
      this.#unsent.shift();
      this.#unsentBytes -= next.bytes.length;
      next = this.#unsent[0];
    }
  }

  #misbehaved(detail: string): void {
    this.#options.counters.protocolErrors++;
    this.close('protocol', detail);
  }

  #closeSlow(detail: string): void {
    this.#options.counters.slowClosed++;
    this.close('slow', detail);
  }

  #closed(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#helloTimer.cancel();
    this.#unsent = [];
    const loop = this.#loop;
    if (loop !== undefined) {
      loop.detach(this.id);
      void loop.submit({ kind: 'closed', session: this.id });
    }
    this.#options.onClosed();
  }
}
