import { EdgeError } from '#protocol/errors.js';
import type { CloseCode, CloseReason, Priority } from '../../transport.js';
import { CODED_LIMITS } from '../limits.js';
import { Exchange, type Arrival } from '../recovery/exchange.js';
import type { Frame } from '../wire/frame.js';
import { decodeFrames } from '../wire/frame-reader.js';
import { frameLength } from '../wire/frame-writer.js';
import type { Packet } from '../wire/packet-header.js';
import { Calls } from './calls.js';
import { OwnIds, PeerIds } from './connection-ids.js';
import { Farewell } from './farewell.js';
import { fill } from './fill.js';
import { ACKNOWLEDGING, PROBING } from './frame-kinds.js';
import { Liveness } from './liveness.js';
import { frameRoom, IP_UDP_BYTES, PacketComposer } from './packet-composer.js';
import { ReliableFrames } from './reliable-frames.js';
import { Roaming } from './roaming.js';
import type { Outgoing, SessionOptions, SessionStatus } from './session-options.js';
import type { Traffic } from './traffic.js';

/** Before an address is proved time alone lets nothing leave. */
const BLOCKED_MS = 20;
/** What an acknowledgement may take, which no room cuts short. */
const ANSWER_BYTES = 512;

/**
 * One authenticated session: everything between datagrams and whole messages. Pure: `now` in
 * milliseconds and packets are arguments, `take` gives datagrams until it has none, `wakeAt` says
 * when to call `onTimer` and `take` again. Call `take` after every other call.
 */
export class Session {
  readonly traffic: Traffic;
  readonly #options: SessionOptions;
  readonly #exchange: Exchange;
  readonly #composer: PacketComposer;
  readonly #own: OwnIds;
  readonly #peer: PeerIds;
  readonly #reliable = new ReliableFrames();
  readonly #liveness: Liveness;
  readonly #farewell: Farewell;
  readonly #roaming: Roaming;
  #largest = -1;
  readonly #calls: Calls;
  #asksPadded = false;
  #updating = false;
  #confirmed = false;
  #ended = false;
  #restsAt = Infinity;
  #counts = { sentPackets: 0, sentBytes: 0, receivedPackets: 0 };

  constructor(options: SessionOptions, now: number) {
    const { role, ownId, peerId, random, events, resetToken, limits, bench, address } = options;
    this.#options = options;
    this.traffic = options.traffic;
    this.#exchange = new Exchange(bench, options);
    this.#composer = new PacketComposer(options.sealer);
    this.#own = new OwnIds(ownId, random, events, resetToken);
    this.#peer = new PeerIds(peerId);
    this.#liveness = new Liveness(limits, now, role === 'client');
    this.#calls = new Calls(limits);
    this.#farewell = new Farewell(limits);
    this.#roaming = new Roaming(role, this.#exchange, random, address);
    for (const frame of this.#own.opening()) this.#reliable.add(frame, now);
  }

  get isOver(): boolean {
    return this.#farewell.state === 'over';
  }

  /** The other end has shown that it holds the keys. */
  get isConfirmed(): boolean {
    return this.#confirmed;
  }

  status(now: number): SessionStatus {
    const { path, sender } = this.#exchange;
    const { firstBytes } = sender.counts;
    return {
      address: this.#roaming.route.address,
      rttMs: path.roundTrip.smoothedMs,
      loss: path.loss,
      lossIn: this.#options.opener.loss,
      redundancy: firstBytes === 0 ? undefined : this.#counts.sentBytes / firstBytes,
      silentMs: now - this.#liveness.heardAt,
      isSilent: this.#liveness.isSilent(now),
      keepAliveMs: this.#liveness.keepAliveMs,
      moves: this.#roaming.moves,
      ...this.#exchange.counts,
      ...this.#counts,
      ...this.#options.opener.counts,
    };
  }

  /** To be kept for the next session over the same network path. */
  remember(): unknown {
    return this.#exchange.path.remember();
  }

  /** See Traffic.send; throws EDGE_LIMIT when the message is too long. */
  send(message: Uint8Array, priority: Priority, now: number): boolean {
    const { messageBytes } = this.#options.limits;
    if (message.length > messageBytes)
      throw new EdgeError('EDGE_LIMIT', `A message of ${message.length} bytes is too long.`, {
        hint: `Split it: at most ${messageBytes} bytes.`,
      });
    return this.#farewell.state === 'open' && this.traffic.send(message, priority, now);
  }

  close(code: CloseCode, detail: string, now: number): void {
    if (code === 'lost') this.#farewell.lose(detail);
    else this.#farewell.close({ code, detail, remote: false }, now);
    this.#settle(now);
  }

  /** Milliseconds since the other end was heard; `awaits`: it owes an answer. */
  silence(now: number): { readonly ms: number; readonly awaits: boolean } {
    const awaits = this.#liveness.isWaiting || this.#exchange.sender.open > 0;
    return { ms: now - this.#liveness.heardAt, awaits };
  }

  get roundTripMs(): number {
    return this.#exchange.path.roundTrip.smoothedMs;
  }

  /** Has the other end say something. */
  ask(now: number): void {
    this.#liveness.askBy(now);
  }

  /** This end knows that its own address is another from now on. */
  moved(now: number): void {
    this.#peer.change();
    this.#roaming.moved();
    this.#liveness.moved(now);
    this.#asksPadded = true;
  }

  /** The handshake is repeated by the other end: it has not heard what proves this one. */
  hurry(now: number): void {
    this.#reliable.hurry(now);
  }

  /** The datagram proves that the other end has forgotten the session. */
  isReset(datagram: Uint8Array): boolean {
    return this.#peer.isReset(datagram);
  }

  /** Takes a data packet that came from `from`; false: it was not sealed for this session. */
  receive(packet: Packet, from: string, now: number): boolean {
    const { opener, sealer } = this.#options;
    if (this.isOver) return false;
    const opened = opener.open(packet);
    if (opened === undefined) {
      if (opener.isWorn) this.#lose('too many forged packets', now);
      return false;
    }
    if (opened.updated) {
      if (!this.#updating) sealer.update();
      this.#updating = false;
    }
    const { header } = packet;
    const bytes = packet.headerBytes.length + packet.payload.length;
    this.#counts.receivedPackets++;
    this.#confirmed = true;
    const quietMs = now - this.#liveness.heardAt;
    this.#liveness.heard(now);
    const frames = decodeFrames(opened.payload);
    if (!frames.ok) {
      this.#breach(`a packet that is ${frames.refusal}`, now);
      return true;
    }
    if (header.kind === 'short') {
      const issued = this.#own.used(header.connectionId);
      if (issued !== undefined) this.#reliable.add(issued, now);
    }
    const isNewest = opened.number > this.#largest;
    this.#largest = Math.max(this.#largest, opened.number);
    const mayMove = isNewest && frames.value.some(({ kind }) => !PROBING.has(kind));
    this.#roaming.cameFrom(from, bytes, mayMove, now);
    for (const frame of frames.value) this.#hear(frame, from, now);
    const ackNow = header.kind === 'short' && header.ackNow;
    const arrival = this.#exchange.receive(
      { number: opened.number, ackNow, bytes },
      frames.value,
      now,
    );
    this.#noteTransfer(bytes, arrival, now);
    this.#noteReturn(quietMs, arrival, now);
    this.#digest(arrival, now);
    this.#settle(now);
    return true;
  }

  onTimer(now: number): void {
    if (this.isOver) return;
    this.#farewell.onTimer(now);
    this.#roaming.onTimer(now);
    const due = this.#liveness.due(now);
    if (due === 'lost') this.#lose('silence', now);
    if (now >= this.#restsAt) {
      this.#restsAt = Infinity;
      this.#exchange.decoder.rest();
    }
    this.#settle(now);
  }

  /** The next datagram, if one may leave now. */
  take(now: number): Outgoing | undefined {
    if (this.isOver && this.#ended) return undefined;
    const answer = this.#roaming.takeAnswer();
    if (answer !== undefined) {
      const frame = { kind: 'pathResponse', data: answer.data } as const;
      return this.#leave([frame], answer.to, true, 0, now);
    }
    const out = this.#takeRest(now);
    this.#settle(now);
    return out;
  }

  /** Milliseconds of the same clock; Infinity: only when something happens. */
  wakeAt(now: number): number {
    const { state } = this.#farewell;
    if (state !== 'open' && state !== 'lingering') return Math.max(this.#farewell.wakeAt(), now);
    const { controller, allowance } = this.#roaming.route;
    const sends = Math.min(this.#exchange.wakeAt() ?? Infinity, this.traffic.wakeAt());
    const gateAt = controller.wakeAt(now);
    const at = Math.min(
      sends <= now ? gateAt : Math.min(sends, gateAt),
      this.#reliable.wakeAt(),
      this.#liveness.dueAt(),
      this.#calls.dueAt,
      this.#farewell.wakeAt(),
      this.#roaming.route.wakeAt(),
      this.#restsAt,
    );
    return Math.max(at, allowance < CODED_LIMITS.datagramBytes ? now + BLOCKED_MS : now);
  }

  #takeRest(now: number): Outgoing | undefined {
    const { path } = this.#exchange;
    const { smoothedMs } = path.roundTrip;
    const { state } = this.#farewell;
    const { route } = this.#roaming;
    const goodbye = this.#farewell.take(smoothedMs, now);
    if (goodbye !== undefined) return this.#leave([goodbye], route.address, false, 0, now);
    if (state !== 'open' && state !== 'lingering') return undefined;
    const room = Math.min(frameRoom(path.mtu.bytes), frameRoom(route.allowance));
    if (room < 0) return undefined;
    const own: Frame[] = [];
    const challenge = route.takeChallenge(smoothedMs, now);
    if (challenge !== undefined) own.push({ kind: 'pathChallenge', data: challenge });
    const isAsking = this.#liveness.due(now) === 'ask' || this.#asksShort(now);
    const isCalling = this.#calls.take(now) && route.isProved;
    if (isAsking || isCalling) own.push({ kind: 'ping' });
    if (isAsking) this.#liveness.asked(smoothedMs, now);
    if (isCalling) own.push(...this.#exchange.repeat(now));
    const rest = room - (isCalling ? ANSWER_BYTES : 16);
    own.push(...this.#reliable.take(path.nextPacket, rest, smoothedMs, now));
    const used = own.reduce((sum, frame) => sum + frameLength(frame), 0);
    const { controller } = route;
    controller.onTimer(now);
    const probe = path.mtu.probeDue(now);
    if (probe !== undefined && probe <= route.allowance && controller.maySend(now)) {
      path.mtu.probed(path.nextPacket);
      return this.#leave([...own, { kind: 'ping' }], route.address, true, probe, now);
    }
    const mayCarry = controller.maySend(now) && room - used > CODED_LIMITS.datagramBytes / 2;
    if (mayCarry) fill(this.#exchange, this.traffic, room, this.#options.limits.urgentSymbols, now);
    const mayAnswer = route.isProved || room - used >= ANSWER_BYTES;
    const departure = mayAnswer ? this.#exchange.take(now, room - used, mayCarry) : undefined;
    if (departure === undefined && own.length === 0) {
      const waiting = (this.#exchange.wakeAt() ?? Infinity) <= now || this.traffic.queuedBytes > 0;
      controller.onPause(waiting && !mayCarry);
      return undefined;
    }
    const asks = own.some(({ kind }) => kind === 'ping' || kind === 'connectionId');
    const ackNow = asks || departure?.ackNow === true || controller.asksAck;
    const padded = this.#asksPadded && (isAsking || !isCalling) && departure === undefined;
    return this.#leave(
      [...own, ...(departure?.frames ?? [])],
      route.address,
      ackNow,
      padded ? Math.min(CODED_LIMITS.datagramBytes, route.allowance) : 0,
      now,
    );
  }

  /** Only long packets leave and nothing is heard: are they too long? */
  #asksShort(now: number): boolean {
    const { mtu, roundTrip } = this.#exchange.path;
    return this.#roaming.route.controller.asksAck && mtu.asksShort(roundTrip.smoothedMs, now);
  }

  #leave(
    frames: readonly Frame[],
    to: string,
    ackNow: boolean,
    padTo: number,
    now: number,
  ): Outgoing {
    const { sealer } = this.#options;
    if (sealer.isWorn && !this.#updating && this.#confirmed) {
      sealer.update();
      this.#updating = true;
    }
    const { path } = this.#exchange;
    const packet = { connectionId: this.#peer.current, number: path.nextPacket, ackNow };
    const datagram = this.#composer.datagram(packet, frames, padTo);
    const sent = path.sent(datagram.length + IP_UDP_BYTES, now);
    if (frames.some(({ kind }) => !ACKNOWLEDGING.has(kind)))
      this.#roaming.route.controller.onSent(sent, now);
    if (to === this.#roaming.route.address) this.#roaming.route.sent(datagram.length);
    this.#liveness.sent(now);
    this.#counts.sentPackets++;
    this.#counts.sentBytes += datagram.length + IP_UDP_BYTES;
    return { datagram, to };
  }

  #hear(frame: Frame, from: string, now: number): void {
    switch (frame.kind) {
      case 'pathChallenge':
        this.#roaming.challenged(frame.data, from);
        this.#liveness.proofWanted(now);
        return;
      case 'pathResponse':
        this.#roaming.answered(frame.data);
        return;
      case 'connectionId':
        this.#peer.learn(frame);
        return;
      case 'close':
        this.#farewell.heard(frame.code, frame.detail, now);
        return;
      default:
    }
  }

  #digest(arrival: Arrival, now: number): void {
    if (arrival.dishonest) this.#breach('an acknowledgement of what was never sent', now);
    if (arrival.news !== undefined) {
      this.#reliable.acknowledged(arrival.news);
      const base = this.#roaming.route.controller.onAcknowledged(arrival.news, arrival.times, now);
      if (base !== undefined) this.#exchange.path.rebase(base);
    }
    if (arrival.symbols.length > 0) this.#restsAt = now + this.#options.limits.restMs;
    for (const { data } of arrival.symbols) {
      const messages = this.traffic.receive(data, now);
      if (messages === 'broken') {
        this.#breach('a symbol that means nothing', now);
        return;
      }
      for (const message of messages)
        if (this.#farewell.state === 'open') this.#options.events.message(message);
    }
  }

  /** A transfer that pauses may have lost its way back: a receiver asks, with a full packet. */
  #noteTransfer(bytes: number, { symbols }: Arrival, now: number): void {
    const { incomplete } = this.#exchange.decoder;
    this.#calls.heard({ bytes, symbols, incomplete }, this.roundTripMs, now);
    this.#asksPadded = this.#calls.isTransfer;
    if (!this.#asksPadded || this.#options.role === 'server') return;
    this.#liveness.askBy(now + Math.max(this.#options.limits.calmMinMs, this.roundTripMs / 4));
  }

  /** The link was away both ways and is back: what left before the other end spoke is lost. */
  #noteReturn(quietMs: number, { news }: Arrival, now: number): void {
    const lostBy = this.#roaming.route.controller.onHeard(quietMs, now);
    if (lostBy !== undefined && news !== undefined) this.#exchange.sender.strayed(now, lostBy);
  }

  #breach(detail: string, now: number): void {
    this.#farewell.close({ code: 'protocol', detail, remote: false }, now);
    this.#farewell.say(now);
  }

  #lose(detail: string, now: number): void {
    this.#farewell.lose(detail);
    this.#settle(now);
  }

  /** What follows from what has just happened. */
  #settle(now: number): void {
    const { state, reason } = this.#farewell;
    if (state === 'lingering' && this.traffic.queuedBytes === 0 && this.#exchange.sender.open === 0)
      this.#farewell.say(now);
    if (state === 'open' && this.traffic.relieved()) this.#options.events.drained();
    if (reason === undefined || this.#ended) return;
    if (state === 'answering' || state === 'over') this.#end(reason);
  }

  #end(reason: CloseReason): void {
    this.#ended = true;
    this.traffic.close();
    this.#exchange.decoder.close();
    this.#own.retireAll();
    this.#options.events.ended(reason);
  }
}
