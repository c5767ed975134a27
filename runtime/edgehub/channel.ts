import type { SyncMessage, Welcome } from '#protocol/sync-message.js';
import type { Priority } from '#tunnel/transport.js';

/**
 * A concern of a session beside twins, with messages and acknowledgements of its own: samples,
 * commands. The sync machine tells it of the session and asks it what to send; what it stores is
 * its own business, and nothing that it offers may say more than what is durable (I1, I2).
 */
export interface Channel {
  /** What HELLO lists, so that the hub sends only what this end understands. */
  readonly feature: string;
  /** WELCOME is acceptable and about to be made durable. */
  heard?(welcome: Welcome): void;
  /** WELCOME is durable: sending may begin. `clockOffsetMs`: at least the hub's monotonic time minus ours. */
  begin(welcome: Welcome, clockOffsetMs: number): void;
  /** The session is over: what was in flight is due again. */
  end(): void;
  /** Takes a message of the live session; false when it is not one of this channel's. */
  receive(message: SyncMessage, now: number): boolean;
  /**
   * The next message to send, if any; asked again until there is none. Never while blocked.
   * `stateWaits`: state that may leave could not yet, or an announcement has no answer.
   */
  next(
    epoch: number,
    now: number,
    stateWaits: boolean,
  ): { message: SyncMessage; priority: Priority } | undefined;
  /** When `next` has something without being told; undefined: only after an event. */
  wakeAt(): number | undefined;
  /** Messages without an answer: a session without any answer for long is given up. */
  readonly inFlight: number;
  /** Called by whoever owns the machine: the channel has something to send. */
  onReady(listener: () => void): void;
}
