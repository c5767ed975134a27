import type { AckFrame } from '../wire/frame.js';
import { RECOVERY } from './constants.js';
import { LossEstimate } from './loss-estimate.js';
import { PacketLedger, type SentPacket } from './packet-ledger.js';
import { PathMtu } from './path-mtu.js';
import { readPathMemory, type PathMemory } from './path-memory.js';
import type { PathLosses } from './redundancy.js';
import { Reordering } from './reordering.js';
import { RoundTrip } from './round-trip.js';
import { StandingQueue } from './standing-queue.js';

export interface PathOptions {
  /** Milliseconds, as the handshake measured it. */
  readonly roundTripMs: number;
  /** What a former session learnt of this path, as `remember` gave it. */
  readonly memory?: unknown;
  /** Packet numbers go on when a session changes its path; 0 unless given. */
  readonly firstPacket?: number;
  /** Bytes of UDP payload that the own network interface carries; Ethernet's unless given. */
  readonly longestBytes?: number;
}

/** What an acknowledgement said, for retransmission here and for congestion control beside. */
export interface PathNews {
  /** Largest packet ever acknowledged, when this acknowledgement raised it. */
  readonly raised: SentPacket | undefined;
  readonly arrived: readonly SentPacket[];
  /** Packets that are now taken for lost. */
  readonly lost: readonly SentPacket[];
  /** Round trip without the peer's delay, milliseconds, when there is a new sample. */
  readonly roundTripMs: number | undefined;
  /** Long packets have ceased to get through: from now on they are shorter. */
  readonly narrowed: boolean;
}

/** One direction of a network path: the packets sent on it and all that their fate tells. */
export class Path implements PathLosses {
  readonly roundTrip: RoundTrip;
  /** How long its datagrams may be. */
  readonly mtu: PathMtu;
  readonly #ledger: PacketLedger;
  readonly #losses = new LossEstimate();
  readonly #queue = new StandingQueue();
  readonly #reordering = new Reordering();
  /** Loss of late, also while a queue stands. */
  #lossNow = 0;

  constructor({ roundTripMs, memory, firstPacket = 0, longestBytes }: PathOptions) {
    this.mtu = new PathMtu(longestBytes);
    this.#ledger = new PacketLedger(firstPacket);
    this.roundTrip = new RoundTrip(roundTripMs);
    const known = readPathMemory(memory);
    if (known !== undefined) this.#losses.restore(known, RECOVERY.rememberedSamples);
  }

  get loss(): number {
    return this.#losses.loss;
  }

  get cautiousLoss(): number {
    return this.#losses.cautiousLoss;
  }

  get conditionalLoss(): number {
    return this.#losses.conditionalLoss;
  }

  /** A queue stands at the bottleneck. */
  get congested(): boolean {
    return this.#queue.standing;
  }

  get reorderingMs(): number {
    return this.#reordering.windowMs;
  }

  get largest(): SentPacket | undefined {
    return this.#ledger.largest;
  }

  /** The number that the next packet gets. */
  get nextPacket(): number {
    return this.#ledger.next;
  }

  copiesAllowed(now: number): boolean {
    return this.#queue.copiesAllowed(now);
  }

  /** `bytes`: of the IP packet. */
  sent(bytes: number, now: number): SentPacket {
    const packet = this.#ledger.sent(bytes, now);
    this.mtu.sent(packet);
    return packet;
  }

  /** Undefined: the acknowledgement is for a packet never sent; the peer broke the protocol. */
  acknowledged(ack: AckFrame, now: number): PathNews | undefined {
    const before = this.#ledger.largest;
    const news = this.#ledger.acknowledge(ack);
    if (news === undefined) return undefined;
    const { raised, arrived, overtaken } = news;
    for (const packet of overtaken)
      if (before !== undefined && before.sentAt > packet.sentAt)
        this.#reordering.seen(before.sentAt - packet.sentAt, this.roundTrip.smoothedMs);
    const isTimed = raised !== undefined && ack.delayMs < RECOVERY.ackDelayKnownMs;
    const roundTripMs = isTimed ? this.#sample(raised, ack, now) : undefined;
    const lost: SentPacket[] = [];
    this.#ledger.settle(
      (packet, largest) => this.#isLost(packet, largest, now),
      (packet, earlier) => {
        if (packet.state === 'waiting') return; // too old to be told of: says nothing
        const isLost = packet.state === 'missing';
        if (isLost) lost.push(packet);
        else this.#reordering.inOrder();
        if (!this.mtu.isProbe(packet.number)) this.#learn(packet, isLost, earlier);
      },
    );
    const { smoothedMs } = this.roundTrip;
    const narrowed = this.mtu.heard({ arrived, lost }, this.loss, smoothedMs, now);
    return { raised, arrived, lost, roundTripMs, narrowed };
  }

  /** Congestion control has emptied the queue and measured the path's own round trip. */
  rebase(minimumMs: number): void {
    this.roundTrip.rebase(minimumMs);
  }

  /** To be kept for the next session on the same path. */
  remember(): PathMemory {
    return { version: 1, ...this.#losses.state() };
  }

  #sample(raised: SentPacket, ack: AckFrame, now: number): number {
    const { roundTrip } = this;
    const sample = roundTrip.sample(now - raised.sentAt, ack.delayMs);
    this.#queue.sample(sample, roundTrip.minimumMs, roundTrip.smoothedMs, now);
    const longer = this.#queue.longerRoute(this.#lossNow, now);
    if (longer !== undefined) roundTrip.rebase(longer);
    return sample;
  }

  #isLost(packet: SentPacket, largest: SentPacket, now: number): boolean {
    const patience = this.roundTrip.smoothedMs + this.roundTrip.ackDelayMs;
    if (now - packet.sentAt >= patience + RECOVERY.missedAfterMs) return true;
    return (
      packet.number <= largest.number - RECOVERY.missedAfterPackets &&
      largest.sentAt - packet.sentAt >= this.#reordering.windowMs
    );
  }

  /** A queue loses packets of its own: estimates stand still while one stands. */
  #learn(packet: SentPacket, lost: boolean, before: SentPacket | undefined): void {
    this.#lossNow += ((lost ? 1 : 0) - this.#lossNow) / 64;
    if (this.#queue.standing) return;
    const after =
      before === undefined
        ? undefined
        : { sinceMs: packet.sentAt - before.sentAt, lost: before.state === 'missing' };
    this.#losses.packet(lost, after);
  }
}
