import type { DeviceId } from '#protocol/device.js';
import { ADOPTION } from '#protocol/sync-message.js';
import type { Ack, LocalResult, SyncMessage, Welcome } from '#protocol/sync-message.js';
import type { Priority } from '#tunnel/transport.js';
import type { Uplink } from '../devicetwin/twin-event.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { Adoption } from './adoption.js';
import type { Channel } from './channel.js';
import { LocalWritesQueue } from './local-queue.js';
import { answerDueMs } from './session.js';
import type { Session } from './session.js';
import { UplinkQueue } from './uplink-queue.js';
import type { Accounted } from './uplink-queue.js';

export interface Outgoing {
  readonly message: SyncMessage;
  readonly priority: Priority;
}

/**
 * Everything that waits to leave, and what has left without an answer: rows and announcements,
 * local writes, what a restored hub is told, and the channels. All of it is durable here.
 */
export class Outbound {
  readonly channels: readonly Channel[];
  readonly adoption = new Adoption();
  readonly #queue: UplinkQueue;
  readonly #locals = new LocalWritesQueue();
  #id = 0;
  /** The transport takes no more for now. */
  isBlocked = false;
  /** Send at once what waits for its window. */
  isHurried = false;

  constructor(channels: readonly Channel[], windowMs: number | undefined) {
    this.channels = channels;
    this.#queue = new UplinkQueue(windowMs);
  }

  /** Rows and announcements that the hub has not acknowledged. */
  get unsent(): number {
    return this.#queue.unsent;
  }

  get undecidedLocals(): number {
    return this.#locals.undecided;
  }

  /** Devices that the hub does not take from this node, with its code. */
  get refused(): ReadonlyMap<string, string> {
    return this.#queue.refused;
  }

  /** Messages without an answer. */
  get inFlight(): number {
    const others = this.channels.reduce((sum, { inFlight }) => sum + inFlight, 0);
    return this.#queue.inFlight + this.#locals.inFlight + this.adoption.inFlight + others;
  }

  /** Nothing of the twins is due, on its way or undecided: digests may be compared. */
  get isQuiet(): boolean {
    return this.#queue.isQuiet() && this.#locals.undecided === 0;
  }

  begin(session: Session, welcome: Welcome): void {
    this.#queue.restart();
    this.#locals.restart();
    this.adoption.begin(session.adopting && welcome.features.includes(ADOPTION));
    for (const channel of this.channels) channel.begin(welcome, session.clockOffsetMs);
  }

  /** What was in flight is due again in the next session. */
  end(): void {
    this.isBlocked = false;
    this.isHurried = false;
    this.#queue.restart();
    this.#locals.restart();
    this.adoption.begin(false);
    for (const channel of this.channels) channel.end();
  }

  add(uplink: Uplink, whole: boolean): void {
    if (whole) {
      this.#queue.replace(uplink);
      this.#locals.replace(uplink.locals);
    } else {
      this.#queue.add(uplink);
      this.#locals.add(uplink.locals);
    }
  }

  /** What may leave now, in the order in which it should. */
  *next(session: Session, now: number): Iterable<Outgoing> {
    const { epoch, messageBytes } = session;
    if (this.isBlocked) return;
    // Until a restored hub holds what this gateway knows, bases cannot be compared.
    if (!session.adopting)
      for (const message of this.#locals.next(epoch, (device) => this.#queue.isHeld(device)))
        yield { message, priority: 'control' };
    while (this.#mayReport && (this.isHurried || now >= this.#queue.opensAtMs)) {
      const message = this.#queue.next(epoch, ++this.#id, messageBytes, now);
      if (message === undefined) break;
      yield { message, priority: 'twin' };
    }
    // Once the hub knows the devices that the rows are of.
    if (session.adopting && !this.#queue.isAnnouncing) {
      const message = this.adoption.next(epoch, ++this.#id, messageBytes, now);
      if (message !== undefined) yield { message, priority: 'twin' };
    }
    if (this.#queue.inFlight === 0) this.isHurried = false;
    const isWaiting = this.#queue.isWaiting(now);
    for (const channel of this.channels)
      for (let sent; (sent = channel.next(epoch, now, isWaiting)) !== undefined;) yield sent;
  }

  /** When `next` has something without being told; Infinity: only after an event. */
  get dueAtMs(): number {
    return Math.min(
      this.#mayReport && this.#queue.isDue() ? this.#queue.opensAtMs : Infinity,
      ...(this.isBlocked ? [] : this.channels.map((channel) => channel.wakeAt() ?? Infinity)),
    );
  }

  /** When the session is given up for want of an answer. */
  deadlineMs(session: Session): number {
    return this.inFlight > 0 || session.phase !== 'live'
      ? answerDueMs(session, this.#queue, this.#locals, this.adoption)
      : Infinity;
  }

  acknowledge(ack: Ack, now: number): Accounted | undefined {
    return this.#queue.acknowledge(ack, now);
  }

  announcedAgain(devices: readonly DeviceId[]): void {
    this.#queue.announcedAgain(devices);
  }

  decide(result: LocalResult, now: number): boolean {
    return this.#locals.decide(result, now);
  }

  /** The hub does not know this type of message: its rows wait for another session. */
  park(id: number): boolean {
    return this.adoption.park(id) || this.#queue.park(id);
  }

  get #mayReport(): boolean {
    return !this.isBlocked && this.#queue.inFlight < GATEWAY_LIMITS.messagesInFlight;
  }
}
