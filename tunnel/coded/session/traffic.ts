import type { Priority } from '../../transport.js';
import type { OperatingPoint } from '../recovery/constants.js';

/** A symbol to offer: encoded cargo and what it is worth. */
export interface Parcel {
  readonly data: Uint8Array;
  readonly point: OperatingPoint;
}

/**
 * All that one connection says and hears above symbols: messages by priority, streams, flow
 * control. Pure: `now` in milliseconds is an argument.
 */
export interface Traffic {
  /**
   * Queues a message of at most `messageBytes`. False: its class has no room and the message was
   * not taken; one that finds the queue empty always is.
   */
  send(message: Uint8Array, priority: Priority, now: number): boolean;
  /**
   * The most urgent symbol, at most `bytes` long; undefined: nothing may be said now. Called only
   * when a packet may leave, so that what is urgent overtakes. `urgentOnly`: the window is nearly
   * full, only control messages and words of flow control.
   */
  next(bytes: number, urgentOnly: boolean, now: number): Parcel | undefined;
  /**
   * Takes a symbol, each once and in any order, and gives the messages that are whole with it.
   * `broken`: it cannot be decoded or breaks a limit; the session ends.
   */
  receive(symbol: Uint8Array, now: number): readonly Uint8Array[] | 'broken';
  /** When `next` has something for no other reason than time; Infinity: never. */
  wakeAt(): number;
  /** Bytes queued that `next` has not given yet. */
  readonly queuedBytes: number;
  /** True once after a refusal, when there is room again. */
  relieved(): boolean;
  /** One listener: something is to be said that came by neither `send` nor `receive`. */
  onReady(listener: () => void): void;
  /** The connection is over: forgets everything. Idempotent. */
  close(): void;
}

/** The end that dialled is the client. */
export type Role = 'client' | 'server';

export type MakeTraffic = (role: Role) => Traffic;
