import type { DeviceId } from '#protocol/device.js';
import type { Ack, Bye, LocalResult, SyncMessage, Welcome } from '#protocol/sync-message.js';
import type { Priority } from '#tunnel/transport.js';
import type { DigestSnapshot } from '../devicetwin/device-twin.js';
import type { Invariants } from '../invariants.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { Channel } from './channel.js';
import { differing, digestMessages, resendMessages } from './digest-round.js';
import { EffectList } from './effect-list.js';
import { digestsIn, helloOf, isAnswer, newSession, refusalOf, welcomed } from './session.js';
import type { Session } from './session.js';
import type { HelloFacts, SyncEffect, SyncEvent, SyncStatus } from './sync-event.js';
import { Outbound } from './outbound.js';
import { newSyncCounters } from './sync-counters.js';

/**
 * The gateway's end of the sync protocol as a state machine: events and a monotonic `now` give
 * effects, nothing else happens (docs/sync-protocol.md sections 3 and 4). What it holds of the
 * store came to it durable, so whatever it sends is (invariant I1).
 */
export class SyncMachine {
  #invariants: Invariants;
  #outbound: Outbound;
  #effects = new EffectList();
  #session: Session | undefined;
  #counters = newSyncCounters();

  /** `windowMs`: how long changes are gathered before they leave together. */
  constructor(invariants: Invariants, channels: readonly Channel[] = [], windowMs?: number) {
    this.#invariants = invariants;
    this.#outbound = new Outbound(channels, windowMs);
  }

  step(event: SyncEvent, now: number): readonly SyncEffect[] {
    this.#take(event, now);
    const session = this.#session;
    if (session?.phase === 'live') this.#send(session, now);
    this.#checkDeadlines(now);
    return this.#effects.take();
  }

  /** When `tick` is due, in the monotonic milliseconds of `now`; undefined: not at all. */
  wakeAt(): number | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    const deadlineMs = this.#outbound.deadlineMs(session);
    if (session.phase !== 'live') return deadlineMs;
    const soonest = Math.min(deadlineMs, this.#outbound.dueAtMs, this.#digestAtMs(session));
    return soonest === Infinity ? undefined : soonest;
  }

  get isLive(): boolean {
    return this.#session?.phase === 'live';
  }

  /** Everything durable is acknowledged. */
  get isIdle(): boolean {
    return this.#outbound.unsent === 0 && this.#outbound.inFlight === 0;
  }

  status(): SyncStatus {
    const session = this.#session;
    const { unsent, inFlight, undecidedLocals, refused } = this.#outbound;
    return {
      live: session?.phase === 'live',
      ...(session?.phase === 'live' ? { epoch: session.epoch } : {}),
      ...{ unsent, inFlight, undecidedLocals },
      refused: Object.fromEntries(refused),
      counters: { ...this.#counters },
    };
  }

  #take(event: SyncEvent, now: number): void {
    switch (event.kind) {
      case 'connected':
        this.#greet(event.facts, now);
        break;
      case 'message':
        this.#receive(event.message, now);
        break;
      case 'unknown-message':
        this.#answerUnknown(event.epoch, event.id);
        break;
      case 'disconnected':
        this.#end();
        break;
      case 'durable':
        this.#outbound.add(event.uplink, event.whole);
        break;
      case 'committed':
        this.#committed(event.token, now);
        break;
      case 'digests':
        this.#digested(event.token, event.snapshot, now);
        break;
      case 'adoptable':
        if (this.#effects.settle(event.token)?.session === this.#session)
          this.#outbound.adoption.tell(event.adoptable);
        break;
      case 'blocked':
        this.#outbound.isBlocked = true;
        break;
      case 'drained':
        this.#outbound.isBlocked = false;
        break;
      case 'flush':
        this.#outbound.isHurried = true;
        break;
      case 'tick':
        break;
    }
  }

  #greet(facts: HelloFacts, now: number): void {
    this.#end();
    this.#session = newSession(facts, now);
    this.#emit(helloOf(facts, this.#outbound.channels, now), 'control');
  }

  #receive(message: SyncMessage, now: number): void {
    const session = this.#session;
    if (session === undefined) this.#ignore();
    else if (message.kind === 'bye') this.#farewell(message);
    else if (session.phase === 'greeting' && message.kind === 'welcome')
      this.#welcome(session, message);
    else if (session.phase !== 'live') this.#fail(`the hub sent ${message.kind} too early`);
    else this.#answer(session, message, now);
  }

  #answer(session: Session, message: Exclude<SyncMessage, Bye>, now: number): void {
    if (!('epoch' in message)) this.#fail(`the hub sent ${message.kind}`);
    else if (message.epoch !== session.epoch) this.#ignore();
    else if (this.#effects.waiting >= GATEWAY_LIMITS.desiredInFlight)
      this.#fail('the hub sends faster than this gateway stores');
    else {
      const isTaken = this.#outbound.channels.some((channel) => channel.receive(message, now));
      if (isTaken || isAnswer(message)) session.answeredAtMs = now;
      if (isTaken) return;
      switch (message.kind) {
        case 'confirm':
          this.#confirm(session);
          break;
        case 'ack':
          this.#acknowledge(session, message, now);
          break;
        case 'desired': {
          const { rows, id } = message;
          this.#effects.apply({ kind: 'desired', rows }, { kind: 'desired', session, id });
          break;
        }
        case 'devices': {
          const { rows, id } = message;
          this.#effects.apply({ kind: 'hub-devices', rows }, { kind: 'desired', session, id });
          break;
        }
        case 'local-result':
          this.#decideLocal(message, now);
          break;
        case 'digest': {
          const state = session.acknowledged;
          this.#effects.askDigests({ kind: 'digest', session, state, theirs: message });
          break;
        }
        case 'resend':
          this.#counters.repairs += message.devices.length;
          this.#effects.apply({ kind: 'renumber', devices: message.devices });
          break;
        case 'unsupported':
          if (this.#outbound.park(message.id)) this.#counters.parked++;
          this.#effects.undelivered([{ what: 'message', device: '', code: 'EDGE_UNSUPPORTED' }]);
          this.#effects.notice('message-unsupported-by-hub', { id: message.id });
          break;
        default:
          this.#fail(`the hub sent ${message.kind} in a session`);
      }
    }
  }

  #welcome(session: Session, welcome: Welcome): void {
    const { known, fork, resync, adopt, gen } = welcome;
    const wrong = refusalOf(welcome, session.facts);
    if (wrong !== undefined) {
      if (wrong.leave) this.#leave(wrong.detail);
      else this.#fail(wrong.detail);
      return;
    }
    welcomed(session, welcome);
    for (const channel of this.#outbound.channels) channel.heard?.(welcome);
    if (fork || resync) this.#effects.raise('EDGE_GATEWAY_RESTORED', `generation ${gen}`);
    if (adopt) this.#effects.raise('EDGE_HUB_RESTORED', `generation ${welcome.hubGen}`);
    if (fork || resync || adopt)
      this.#effects.notice('histories-differ', { fork, resync, adopt, gen, known: known.state });
    this.#effects.apply({ kind: 'welcome', welcome }, { kind: 'welcome', session, welcome });
  }

  /** WELCOME is durable, and the queue holds everything that the hub lacks since then. */
  #begin(session: Session, welcome: Welcome, now: number): void {
    session.phase = 'live';
    session.answeredAtMs = now;
    digestsIn(session, now, GATEWAY_LIMITS.digestLatestMs);
    this.#counters.sessions++;
    this.#emit({ kind: 'ready', epoch: session.epoch }, 'control');
    this.#outbound.begin(session, welcome);
  }

  #committed(token: number, now: number): void {
    const pending = this.#effects.settle(token);
    if (pending === undefined || pending.session !== this.#session) return;
    if (pending.kind === 'welcome') this.#begin(pending.session, pending.welcome, now);
    else if (pending.kind === 'desired') {
      const { epoch } = pending.session;
      this.#emit({ kind: 'stored', epoch, id: pending.id }, 'control');
    } else if (pending.kind === 'renumbered') this.#outbound.announcedAgain(pending.devices);
  }

  #acknowledge(session: Session, ack: Ack, now: number): void {
    this.#confirm(session);
    const { adoption } = this.#outbound;
    const { told, undelivered: notAdopted } = adoption.acknowledge(ack);
    this.#effects.undelivered(notAdopted);
    if (told === 'done') {
      session.adopting = false;
      this.#effects.notice('hub-restored-from-here', { rejected: adoption.rejected });
    }
    if (told !== 'other') return;
    const accounted = this.#outbound.acknowledge(ack, now);
    if (accounted === undefined) {
      this.#ignore();
      return;
    }
    const { rows, undelivered, forgotten } = accounted;
    this.#effects.undelivered(undelivered);
    if (forgotten.length > 0) this.#announceAgain(session, forgotten);
    for (const { n } of [...rows.reported, ...rows.announced])
      session.acknowledged = Math.max(session.acknowledged, n);
    this.#counters.rowsAcknowledged += rows.reported.length + rows.announced.length;
    if (ack.rejects.length > 0) {
      const codes = [...new Set(ack.rejects.map(({ code }) => code))];
      this.#counters.rowsRejected += ack.rejects.length;
      this.#effects.notice('rows-rejected', { rows: ack.rejects.length, codes });
    }
    this.#effects.applySoon({ kind: 'acknowledged', rows });
  }

  /** The hub went back behind their announcement: as if it had asked with RESEND. */
  #announceAgain(session: Session, devices: readonly DeviceId[]): void {
    this.#counters.repairs += devices.length;
    this.#effects.notice('devices-forgotten-by-hub', { devices: devices.slice(0, 8) });
    this.#effects.apply({ kind: 'renumber', devices }, { kind: 'renumbered', session, devices });
  }

  /** CONFIRM or any ACK: the hub has learnt the boots that HELLO listed. Once a session. */
  #confirm(session: Session): void {
    if (session.confirmed) return;
    session.confirmed = true;
    this.#effects.applySoon({ kind: 'confirmed' });
  }

  #decideLocal(result: LocalResult, now: number): void {
    if (!this.#outbound.decide(result, now)) {
      this.#ignore();
      return;
    }
    const { outcome, device, property, code } = result;
    if (outcome !== 'ok') {
      this.#effects.notice('local-write-lost', { device, property, outcome, code });
      const why = code ?? 'EDGE_CONFLICT';
      this.#effects.undelivered([{ what: 'local-write', device, property, code: why }]);
    }
    this.#effects.apply({ kind: 'local-result', result });
  }

  #send(session: Session, now: number): void {
    if (this.#outbound.inFlight === 0) session.answeredAtMs = now;
    if (session.adopting && this.#outbound.adoption.ask())
      this.#effects.askAdoptable({ kind: 'adoption', session });
    for (const { message, priority } of this.#outbound.next(session, now)) {
      if (message.kind === 'local') this.#counters.localsSent++;
      else if (message.kind === 'adopt') this.#counters.adoptsSent++;
      else if (message.kind === 'state' || message.kind === 'announce')
        this.#counters.rowsSent += message.rows.length;
      this.#emit(message, priority);
    }
    if (now < this.#digestAtMs(session)) return;
    digestsIn(session, Infinity);
    this.#effects.askDigests({ kind: 'digest', session, state: session.acknowledged });
  }

  /** Digests of this gateway leave; those of the hub are compared and what differs is repaired. */
  #digested(token: number, snapshot: DigestSnapshot, now: number): void {
    const pending = this.#effects.settle(token);
    if (pending?.kind !== 'digest' || pending.session !== this.#session) return;
    const { session, theirs, state } = pending;
    const { epoch } = session;
    if (theirs === undefined) {
      digestsIn(session, now + GATEWAY_LIMITS.digestIntervalMs, GATEWAY_LIMITS.digestIntervalMs);
      for (const message of digestMessages(epoch, state, snapshot)) {
        this.#counters.digestsSent++;
        this.#emit(message, 'twin');
      }
      return;
    }
    const { reported, desired } = differing(theirs, state, snapshot);
    this.#counters.repairs += reported.length + desired.length;
    if (reported.length > 0) this.#effects.apply({ kind: 'renumber', devices: reported });
    for (const message of resendMessages(epoch, desired)) this.#emit(message, 'twin');
  }

  #farewell({ reason, detail }: Bye): void {
    this.#end();
    const isLoser = reason === 'superseded' || reason === 'clone';
    this.#effects.close(isLoser ? 'superseded' : 'normal', `${reason}: ${detail}`, reason);
  }

  #leave(detail: string): void {
    this.#emit({ kind: 'bye', reason: 'unsupported', detail }, 'control');
    this.#end();
    this.#effects.close('protocol', detail, 'unsupported');
  }

  #fail(detail: string): void {
    this.#counters.protocolErrors++;
    this.#end();
    this.#effects.close('protocol', detail);
  }

  #answerUnknown(epoch: number, id: number): void {
    if (this.#session?.phase !== 'live' || this.#session.epoch !== epoch) this.#ignore();
    else this.#emit({ kind: 'unsupported', epoch, id }, 'control');
  }

  #checkDeadlines(now: number): void {
    const session = this.#session;
    if (session === undefined || now < this.#outbound.deadlineMs(session)) return;
    this.#fail(session.phase === 'live' ? 'no answer in time' : 'no WELCOME in time');
  }

  /** What was in flight is due again in the next session; nothing else is remembered of this one. */
  #end(): void {
    this.#session = undefined;
    this.#effects.forget();
    this.#outbound.end();
  }

  #digestAtMs(session: Session): number {
    return this.#outbound.isQuiet ? session.digestDueAtMs : session.digestLatestAtMs;
  }

  #emit(message: SyncMessage, priority: Priority): void {
    const isOpening = message.kind === 'hello' || message.kind === 'bye';
    const allowed = isOpening || this.#session?.phase === 'live';
    this.#invariants.check(allowed, 'I1 nothing but HELLO leaves before a durable WELCOME', {
      message: message.kind,
    });
    this.#counters.messagesSent++;
    this.#effects.send(message, priority);
  }

  #ignore(): void {
    this.#counters.ignored++;
  }
}
