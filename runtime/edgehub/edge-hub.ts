import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { ErrorCode } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { unsupportedMessage } from '#protocol/message-codec.js';
import type { Random } from '#protocol/random.js';
import { SessionCodec } from '#protocol/session-codec.js';
import type { ByeReason, SyncMessage } from '#protocol/sync-message.js';
import type { Connection, Identity, Priority, Transport } from '#tunnel/transport.js';
import type { Care } from '../alarms/dead-letter.js';
import { heldHubDevices } from '../devicetwin/hub-devices.js';
import type { DeviceTwin } from '../devicetwin/device-twin.js';
import { Invariants } from '../invariants.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import { FRESH_BACKOFF, nextDial } from './backoff.js';
import type { Channel } from './channel.js';
import { linkOf, type LinkStatus } from './link-status.js';
import { Outbox } from './outbox.js';
import type { HelloFacts, SyncEffect, SyncEvent, SyncStatus } from './sync-event.js';
import { SyncMachine } from './sync-machine.js';

export interface EdgeHubOptions {
  readonly meta: MetaStore;
  readonly twins: DeviceTwin;
  readonly transport: Transport;
  /** `wss://host:port` of the hub. */
  readonly url: string;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Name and version of this program, and why it runs by an earlier configuration, for the hub. */
  readonly software: string;
  readonly fallback?: string | undefined;
  /** Hears of what a person may have to do. */
  readonly care?: Care | undefined;
  /** Samples, commands: what a session carries beside twins. */
  readonly channels?: readonly Channel[];
  /** How long changes are gathered before they leave together; GATEWAY_LIMITS.stateWindowMs. */
  readonly syncWindowMs?: number;
  /** Why a dial failed: another identity, or the right time, may be at hand. */
  readonly onFailed?: (error: EdgeError) => void;
  /** Breaches throw instead of being counted: for tests and the simulator. */
  readonly strict?: boolean;
}

export interface EdgeHubStatus extends SyncStatus {
  readonly connected: boolean;
  /** Wall time of the last change between connected and not, milliseconds since 1970. */
  readonly since: number;
  readonly transport: string;
  /** What the transport knows of the link: round trip in milliseconds, shares. */
  readonly link?: LinkStatus;
  readonly url: string;
  /** Sessions after the first. */
  readonly reconnects: number;
  readonly lastError?: { readonly code: string; readonly message: string };
  /** Why this gateway keeps away, and until when in wall time: the hub told it to. */
  readonly held?: { readonly reason: ByeReason; readonly until: number };
  readonly invariants: Readonly<Record<string, number>>;
}

/** One connection and the messages that the transport did not take yet. */
interface Line {
  readonly connection: Connection;
  readonly codec: SessionCodec;
  readonly openedAtMs: number;
  readonly outbox: Outbox;
  bye: ByeReason | undefined;
}

/**
 * The gateway's side of the tunnel: dials the hub, feeds the sync machine and does what it says.
 * It owns the connection and the timers; every decision is the machine's or the backoff's.
 */
export class EdgeHub {
  #options: EdgeHubOptions;
  #clock: Clock;
  #log: Log;
  #identity: Identity;
  #invariants: Invariants;
  #machine: SyncMachine;
  #line: Line | undefined;
  #backoff = FRESH_BACKOFF;
  #dialling: AbortController | undefined;
  #redial: Timer | undefined;
  #wake: Timer | undefined;
  #running = false;
  #unsubscribe: (() => void) | undefined;
  #sinceWall: number;
  #lastError: EdgeError | undefined;
  #held: { readonly reason: ByeReason; readonly until: number } | undefined;
  #idle: (() => void) | undefined;

  constructor(options: EdgeHubOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log.child('edgehub');
    this.#identity = options.identity;
    this.#invariants = new Invariants(this.#log, options.strict);
    const { channels = [], syncWindowMs } = options;
    this.#machine = new SyncMachine(this.#invariants, channels, syncWindowMs);
    for (const channel of channels) channel.onReady(() => this.#step({ kind: 'tick' }));
    this.#sinceWall = options.clock.wallTime();
  }

  /** Dials until `stop`, forever if it must. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#unsubscribe = this.#options.twins.onDurable((uplink, whole) => {
      this.#step({ kind: 'durable', uplink, whole });
    });
    this.#dial();
  }

  /** Grants GATEWAY_LIMITS.flushMs to what is unsent, says BYE and hangs up. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#redial?.cancel();
    this.#dialling?.abort();
    await this.#flushed();
    const line = this.#line;
    if (line !== undefined) {
      this.#send({ kind: 'bye', reason: 'shutting-down', detail: '' }, 'control');
      this.#hangUp(line);
      line.connection.close('normal', 'this gateway is shutting down');
    }
    this.#wake?.cancel();
    this.#unsubscribe?.();
  }

  /** After a certificate was renewed: the next dial uses it. */
  setIdentity(identity: Identity): void {
    this.#identity = identity;
  }

  /** A session stands and everything may be sent in it. */
  get isLive(): boolean {
    return this.#machine.isLive;
  }

  status(): EdgeHubStatus {
    const machine = this.#machine.status();
    const { sessions = 0 } = machine.counters;
    const error = this.#lastError;
    return {
      ...machine,
      connected: machine.live,
      since: this.#sinceWall,
      transport: this.#line?.connection.transport ?? this.#options.transport.name,
      ...linkOf(this.#line?.connection),
      url: this.#options.url,
      reconnects: Math.max(0, sessions - 1),
      ...(error === undefined ? {} : { lastError: { code: error.code, message: error.message } }),
      ...(this.#held === undefined ? {} : { held: this.#held }),
      invariants: this.#invariants.counts(),
    };
  }

  #dial(): void {
    if (!this.#running) return;
    this.#redial = undefined;
    this.#held = undefined;
    const dialling = new AbortController();
    this.#dialling = dialling;
    const { transport, url } = this.#options;
    const nowMs = this.#clock.wallTime();
    const target = { url, identity: this.#identity, nowMs, signal: dialling.signal };
    transport.connect(target).then(
      (connection) => this.#connected(connection),
      (thrown: unknown) => {
        const error = EdgeError.from(thrown, 'EDGE_CONNECTION');
        this.#options.onFailed?.(error);
        this.#lost(error, 0);
      },
    );
  }

  #connected(connection: Connection): void {
    if (!this.#running) {
      connection.close('normal');
      return;
    }
    const codec = new SessionCodec();
    const openedAtMs = this.#clock.now();
    const line: Line = {
      connection,
      codec,
      openedAtMs,
      outbox: new Outbox(connection),
      bye: undefined,
    };
    this.#line = line;
    connection.onMessage((bytes) => this.#received(line, bytes));
    connection.onDrained(() => this.#drained(line));
    connection.onClose(({ code, detail }) => {
      if (this.#line !== line) return;
      this.#hangUp(line);
      const livedMs = this.#clock.now() - line.openedAtMs;
      this.#lost(new EdgeError('EDGE_CONNECTION', `closed: ${code} ${detail}`), livedMs, line.bye);
    });
    this.#step({ kind: 'connected', facts: this.#facts() });
  }

  #facts(): HelloFacts {
    const { meta, software, fallback } = this.#options;
    const state = meta.numbering('state');
    const samples = meta.numbering('samples');
    return {
      boot: meta.boot,
      identity: meta.identity(),
      state: { value: state.value, forks: state.forks },
      samples: { value: samples.value, forks: samples.forks },
      ...{ software, fallback },
      hubDevices: heldHubDevices(meta),
    };
  }

  #received(line: Line, bytes: Uint8Array): void {
    if (this.#line !== line) return;
    let event: SyncEvent;
    try {
      event = { kind: 'message', message: line.codec.decode(bytes).message };
    } catch (error) {
      const unknown = unsupportedMessage(error);
      if (unknown === undefined) {
        this.#lastError = EdgeError.from(error, 'EDGE_MALFORMED');
        this.#close(line, 'protocol', this.#lastError.message);
        return;
      }
      event = { kind: 'unknown-message', ...unknown };
    }
    this.#step(event);
  }

  #step(event: SyncEvent): void {
    const wasLive = this.#machine.isLive;
    for (const effect of this.#machine.step(event, this.#clock.now())) this.#perform(effect);
    const { isLive, isIdle } = this.#machine;
    if (isLive !== wasLive) {
      this.#sinceWall = this.#clock.wallTime();
      if (isLive) this.#log.info('session-open', { epoch: this.#machine.status().epoch });
    }
    if (isIdle) this.#idle?.();
    this.#armWake();
  }

  #perform(effect: SyncEffect): void {
    const { twins } = this.#options;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.message, effect.priority);
        break;
      case 'apply': {
        const { token } = effect;
        this.#attempt(
          () => twins.apply(effect.event),
          () => {
            if (token !== 0) this.#step({ kind: 'committed', token });
          },
        );
        break;
      }
      case 'apply-soon':
        twins.applySoon(effect.event);
        break;
      case 'digest':
        this.#attempt(
          () => twins.digests(),
          (snapshot) => {
            this.#step({ kind: 'digests', token: effect.token, snapshot });
          },
        );
        break;
      case 'adoption':
        this.#attempt(
          () => twins.adoption(),
          (adoptable) => {
            this.#step({ kind: 'adoptable', token: effect.token, adoptable });
          },
        );
        break;
      case 'close': {
        const line = this.#line;
        if (line === undefined) break;
        line.bye = effect.bye;
        this.#log.warn('session-closed', { code: effect.code, detail: effect.detail });
        this.#close(line, effect.code, effect.detail, effect.bye);
        break;
      }
      case 'care':
        this.#options.care?.take(effect.event);
        break;
      case 'notice':
        this.#log.warn(effect.event, effect.fields);
        break;
    }
  }

  /** A transaction that the store cannot take at all ends the session, not the process. */
  #attempt<T>(act: () => Promise<T>, done: (result: T) => void): void {
    const line = this.#line;
    const failed = (thrown: unknown): void => {
      this.#lastError = EdgeError.from(thrown);
      this.#log.error('apply-failed', { error: this.#lastError });
      if (line !== undefined) this.#close(line, 'protocol', this.#lastError.message);
    };
    try {
      act().then(done).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #send(message: SyncMessage, priority: Priority): void {
    const line = this.#line;
    if (line === undefined) return;
    const bytes = line.codec.encode(message);
    const goesOn = line.outbox.send(bytes, priority);
    if (line.outbox.length > GATEWAY_LIMITS.outboxMessages)
      this.#close(line, 'slow', 'the link takes no more messages');
    else if (!goesOn) this.#step({ kind: 'blocked' });
  }

  #drained(line: Line): void {
    if (this.#line !== line) return;
    if (line.outbox.drain()) this.#step({ kind: 'drained' });
  }

  #close(
    line: Line,
    ...[code, detail, bye]: [Parameters<Connection['close']>[0], string, ByeReason?]
  ): void {
    if (this.#line !== line) return;
    this.#hangUp(line);
    line.connection.close(code, detail);
    const livedMs = this.#clock.now() - line.openedAtMs;
    this.#lost(new EdgeError(codeOf(bye), detail), livedMs, bye);
  }

  /** The line is not used any more, whatever it still says. */
  #hangUp(line: Line): void {
    if (this.#line !== line) return;
    this.#line = undefined;
    line.outbox.clear();
    this.#step({ kind: 'disconnected' });
  }

  #lost(error: EdgeError, livedMs: number, bye?: ByeReason): void {
    this.#lastError = error;
    this.#idle?.();
    if (!this.#running) return;
    const next = nextDial(this.#backoff, { livedMs, bye }, this.#options.random.unit());
    this.#backoff = next.backoff;
    const until = this.#clock.wallTime() + next.waitMs;
    this.#held = next.hold && bye !== undefined ? { reason: bye, until } : undefined;
    this.#log.info('redial', { waitMs: Math.round(next.waitMs), code: error.code, bye });
    this.#redial = this.#clock.setTimer('redial', next.waitMs, () => this.#dial());
  }

  #armWake(): void {
    this.#wake?.cancel();
    const at = this.#machine.wakeAt();
    if (at === undefined) return;
    // Whole milliseconds: a rest that rounding leaves would wake it at the same instant for ever.
    const delayMs = Math.max(1, Math.ceil(at - this.#clock.now()));
    this.#wake = this.#clock.setTimer('sync-wake', delayMs, () => this.#step({ kind: 'tick' }));
  }

  /** Resolves when nothing is unsent, when the line is gone, or when the time is over. */
  async #flushed(): Promise<void> {
    if (!this.#machine.isLive) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer('flush', GATEWAY_LIMITS.flushMs, resolve);
      this.#idle = () => {
        timer.cancel();
        resolve();
      };
      this.#step({ kind: 'flush' });
    });
    this.#idle = undefined;
  }
}

const BYE_CODES: Partial<Record<ByeReason, ErrorCode>> = {
  superseded: 'EDGE_SUPERSEDED',
  clone: 'EDGE_SUPERSEDED',
  unsupported: 'EDGE_VERSION_SKEW',
  refused: 'EDGE_FORBIDDEN',
  'shutting-down': 'EDGE_CONNECTION',
};

function codeOf(bye: ByeReason | undefined): ErrorCode {
  return (bye === undefined ? undefined : BYE_CODES[bye]) ?? 'EDGE_PROTOCOL';
}
