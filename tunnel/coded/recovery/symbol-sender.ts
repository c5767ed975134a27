import { encodeRow } from '../codec/encoder.js';
import type { SourceSymbol } from '../codec/symbol.js';
import type { Workbench } from '../codec/workbench.js';
import { TAG_BYTES } from '../crypto/packet-keys.js';
import { CODED_LIMITS } from '../limits.js';
import type { Frame, SymbolsFrame } from '../wire/frame.js';
import { SHORT_HEADER_BYTES } from '../wire/packet-header.js';
import { expandNumber, SYMBOL_NUMBER_BITS } from '../wire/truncated-number.js';
import { RECOVERY, type OperatingPoint } from './constants.js';
import type { Flight } from './flight.js';
import { PacketBuilder, sourceOf, type Departure } from './packet-builder.js';
import type { Path, PathNews } from './path.js';
import {
  CopyBudget,
  Dither,
  roundCopies,
  roundSpacingMs,
  timeOutMs,
  transmissions,
} from './redundancy.js';
import { BulkTail } from './bulk-tail.js';

/** What was sent, for `status` and for the byte budget that people see. */
export interface SenderCounts {
  /** Symbols sent for the first time, and their bytes with what a packet costs. */
  symbols: number;
  firstBytes: number;
  /** Planned copies, retransmissions and rows of a bulk tail. */
  copies: number;
  retransmissions: number;
  tailRows: number;
  /** Bytes of symbols that are known at the other end. */
  knownBytes: number;
}

const EPSILON_MS = 1e-6;
/** Header, seal and the longest frame around a symbol that is alone in its packet. */
const SYMBOL_OVERHEAD_BYTES = SHORT_HEADER_BYTES + TAG_BYTES + 9;

/**
 * Sends source symbols until they are known at the other end: the redundancy rule for what is
 * urgent, retransmission on evidence for all. Pure: `now` in milliseconds is an argument, `take`
 * gives one packet at a time, so that congestion control decides when. Bounded by the window.
 */
export class SymbolSender {
  readonly #bench: Workbench;
  #path: Path;
  /** In rising order of their numbers. */
  readonly #flights = new Map<number, Flight>();
  readonly #fresh: Flight[] = [];
  /** From the oldest open symbol on, known or not: what rows may combine. */
  readonly #data = new Map<number, Uint8Array>();
  readonly #dithers = { asap: new Dither(), lean: new Dither(), bulk: new Dither() };
  readonly #budget = new CopyBudget();
  readonly #tail = new BulkTail();
  readonly #counts: SenderCounts = {
    symbols: 0,
    firstBytes: 0,
    copies: 0,
    retransmissions: 0,
    tailRows: 0,
    knownBytes: 0,
  };
  #next = 0;
  /** The oldest open symbol, or the next one. */
  #base = 0;
  #rowSeed = 0;
  #copiesWaiting = 0;
  /** `finished`: the rows of the tail are planned, and not again before something is offered. */
  #stage: 'flowing' | 'finishing' | 'finished' = 'flowing';
  #dueAt = Infinity;
  /** When a symbol left for the first time. */
  #freshAt = -Infinity;

  constructor(bench: Workbench, path: Path) {
    this.#bench = bench;
    this.#path = path;
  }

  get counts(): Readonly<SenderCounts> {
    return this.#counts;
  }

  /** Symbols that `offer` would still take. */
  get room(): number {
    const base = this.#base;
    return CODED_LIMITS.windowSymbols - (this.#next - base);
  }

  /** Bytes of symbols that `take` has not given even once. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const { data } of this.#fresh) bytes += data.length;
    return bytes;
  }

  /** What is in flight is sent again on the evidence and time-outs of the new path. */
  moveTo(path: Path): void {
    this.#path = path;
    this.narrow();
  }

  /** What left by `before` went where nobody is: all of it is due, the oldest first. */
  strayed(now: number, before = now): void {
    for (const flight of this.#flights.values()) {
      const { last, copiesLeft, dueAt } = flight;
      if (last === undefined || last.at > before || copiesLeft > 0 || dueAt <= now) continue;
      flight.patient = false;
      this.#due(flight, now);
    }
  }

  /** Packets are shorter from now on: symbols longer than they are leave in pieces, without rows. */
  narrow(): void {
    this.#tail.cancel();
    for (const flight of this.#flights.values()) this.#spareCopies(flight);
  }

  /** Symbols not known to have arrived. */
  get open(): number {
    return this.#flights.size;
  }

  /** When `take` has something: now or earlier, at a time, or undefined when all has arrived. */
  wakeAt(): number | undefined {
    if (this.#fresh.length > 0 || this.#tail.waiting || this.#stage === 'finishing') return 0;
    return this.#dueAt === Infinity ? undefined : this.#dueAt;
  }

  /** `take` has something now, room provided. */
  isDue(now: number): boolean {
    const at = this.wakeAt();
    return at !== undefined && at <= now + EPSILON_MS;
  }

  /** Takes a symbol, at most `symbolBytes` long, and returns its number; undefined: window full. */
  offer(data: Uint8Array, point: OperatingPoint, now: number): number | undefined {
    if (this.room <= 0) return undefined;
    const path = this.#path;
    const cost = data.length + RECOVERY.packetOverheadBytes;
    const wanted = path.copiesAllowed(now) ? transmissions(path, point) : 1;
    const allowed = this.#budget.allow(wanted, cost);
    const whole = this.#dithers[point].whole(allowed);
    this.#budget.spend((whole - 1) * cost);
    const flight: Flight = {
      number: this.#next++,
      data,
      point,
      asksAck:
        point !== 'bulk' &&
        allowed < 1.5 &&
        path.cautiousLoss >= RECOVERY.lossMin &&
        path.copiesAllowed(now),
      patient: whole > 1,
      copiesLeft: whole - 1,
      round: 0,
      cutAt: 0,
      last: undefined,
      dueAt: Infinity,
    };
    this.#copiesWaiting += flight.copiesLeft;
    this.#flights.set(flight.number, flight);
    this.#data.set(flight.number, data);
    this.#fresh.push(flight);
    this.#stage = 'flowing';
    this.#tail.cancel();
    return flight.number;
  }

  /** Nothing more will be offered for a while: coded rows shall spare bulk a last round trip. */
  finish(): void {
    if (this.#stage === 'flowing') this.#stage = 'finishing';
  }

  /** What the other end knows. Call it before `evidence` of the same packet. */
  known(frame: SymbolsFrame): void {
    const base = expandNumber(frame.base, SYMBOL_NUMBER_BITS, this.#next);
    for (const flight of this.#flights.values()) {
      if (flight.last === undefined) break; // not sent, nor is any later one
      const bit = flight.number - base - 1;
      const isKnown = bit < -1 || ((frame.known[bit >> 3] ?? 0) >> (bit & 7)) % 2 === 1;
      if (isKnown && bit !== -1) this.#close(flight);
    }
    if (this.#flights.size === 0) this.#dueAt = Infinity;
    for (; this.#base < this.#next && !this.#flights.has(this.#base); this.#base++)
      this.#data.delete(this.#base);
  }

  /** A packet sent well after a symbol's last one has arrived: the symbol is due again. */
  evidence({ raised }: PathNews, now: number): void {
    if (raised === undefined) return;
    const before = raised.sentAt - this.#path.reorderingMs;
    for (const flight of this.#flights.values()) {
      const { last } = flight;
      if (last === undefined || flight.copiesLeft > 0 || flight.dueAt <= now) continue;
      if (last.packet >= raised.number || last.at > before) continue;
      flight.patient = false;
      this.#due(flight, now);
    }
  }

  /** The next packet's frames within `room` bytes; undefined when nothing is due. */
  take(now: number, room: number): Departure | undefined {
    if (!this.isDue(now)) return undefined;
    const packet = this.#path.nextPacket;
    const departure = new PacketBuilder(room);
    if (this.#dueAt <= now + EPSILON_MS) this.#takeDue(departure, packet, now);
    this.#takeFresh(departure, packet, now);
    if (!departure.isEmpty) this.#takeCopies(departure, packet, now, -Infinity);
    else if (this.#dueAt <= now + EPSILON_MS) this.#takeCopies(departure, packet, now, now);
    if (departure.isEmpty) this.#takeTail(departure);
    if (this.#dueAt <= now + EPSILON_MS) this.#findDue();
    return departure.isEmpty ? undefined : departure;
  }

  /** Retransmissions, and the later copies of a round: as they are, a code over them needs as many. */
  #takeDue(departure: PacketBuilder, packet: number, now: number): void {
    for (const flight of this.#flights.values()) {
      if (flight.last === undefined || flight.dueAt > now + EPSILON_MS) continue;
      if (flight.copiesLeft > 0 && flight.round === 0) continue; // a coded copy
      if (flight.patient && this.#freshAt > flight.last.at) {
        this.#wait(flight, now);
        continue;
      }
      if (!this.#put(flight, departure)) break;
      if (flight.copiesLeft > 0) {
        flight.copiesLeft--;
        this.#copiesWaiting--;
      } else {
        flight.round++;
        flight.patient = false;
        flight.copiesLeft =
          roundCopies(this.#path, flight.point, flight.round, this.#path.congested) - 1;
        this.#copiesWaiting += flight.copiesLeft;
        this.#spareCopies(flight);
        departure.ackNow = true;
      }
      this.#counts.retransmissions++;
      this.#left(flight, packet, now, departure);
    }
  }

  /** Newer symbols are under way: their acknowledgements will tell of this one too. */
  #wait(flight: Flight, now: number): void {
    flight.patient = false;
    this.#due(flight, now + RECOVERY.patienceDelays * this.#path.roundTrip.ackDelayMs);
  }

  #takeFresh(departure: PacketBuilder, packet: number, now: number): void {
    for (let flight = this.#fresh[0]; flight !== undefined; flight = this.#fresh[0]) {
      if (!this.#put(flight, departure)) return;
      this.#fresh.shift();
      this.#freshAt = now;
      this.#counts.symbols++;
      this.#counts.firstBytes += flight.data.length + RECOVERY.packetOverheadBytes;
      this.#left(flight, packet, now, departure);
    }
  }

  /** Copies due by `until`; with -Infinity: all that may travel along with the rest. */
  #takeCopies(departure: PacketBuilder, packet: number, now: number, until: number): void {
    if (this.#copiesWaiting === 0) return;
    const along = until === -Infinity;
    const waiting = [...this.#flights.values()]
      .filter(
        ({ copiesLeft, last, dueAt }) =>
          copiesLeft > 0 &&
          last !== undefined &&
          (along ? now - last.at >= RECOVERY.alongAfterMs : dueAt <= now + EPSILON_MS),
      )
      .sort((a, b) => a.dueAt - b.dueAt);
    for (const flight of waiting) {
      if (!departure.put(this.#copyOf(flight, departure)) && !departure.put(sourceOf(flight)))
        continue;
      flight.copiesLeft--;
      this.#copiesWaiting--;
      this.#counts.copies++;
      this.#left(flight, packet, now, departure);
    }
  }

  #takeTail(departure: PacketBuilder): void {
    if (this.#stage === 'finishing' && this.#fresh.length === 0) this.#planTail();
    for (let { head } = this.#tail; head !== undefined; { head } = this.#tail) {
      const open = head.filter((number) => this.#flights.has(number));
      const members = this.#range(open[0], open.at(-1));
      if (members.length > 0) {
        const row = encodeRow(this.#bench, members, this.#rowSeed);
        if (!departure.put(row)) return; // the next packet has room for it
        this.#rowSeed++;
        this.#counts.tailRows++;
      }
      this.#tail.shift();
      if (members.length > 0) return;
    }
  }

  #planTail(): void {
    this.#stage = 'finished';
    const { loss, congested } = this.#path;
    if (loss < RECOVERY.lossMin || congested) return;
    const bulk = [...this.#flights.values()].filter(({ point }) => point === 'bulk');
    const numbers = bulk.map(({ number }) => number);
    this.#tail.plan(numbers, loss);
  }

  /**
   * A copy of the first flight is a row over the symbol and the newest others that are no longer
   * than it: it costs the same and helps whichever of them is missing.
   */
  #copyOf(flight: Flight, departure: PacketBuilder): Frame {
    if (flight.round > 0) return sourceOf(flight);
    const members = [flight];
    const newest = [...this.#flights.values()].reverse();
    for (const other of newest) {
      if (members.length >= RECOVERY.copyMembers) break;
      if (other === flight || other.last === undefined || departure.carries(other)) continue;
      if (other.data.length > flight.data.length) continue;
      if (Math.abs(other.number - flight.number) >= CODED_LIMITS.rowSpan / 2) continue;
      members.push(other);
    }
    if (members.length === 1) return sourceOf(flight);
    members.sort((a, b) => a.number - b.number);
    return encodeRow(this.#bench, members, this.#rowSeed++);
  }

  /** All symbols of a range, known ones too: so a row needs no list of its members. */
  #range(first = 0, last = -1): SourceSymbol[] {
    const members: SourceSymbol[] = [];
    for (let number = first; number <= last; number++) {
      const data = this.#data.get(number);
      if (data !== undefined) members.push({ number, data });
    }
    return members;
  }

  #left(flight: Flight, packet: number, now: number, departure: PacketBuilder): void {
    flight.last = { packet, at: now };
    departure.ackNow ||= flight.asksAck;
    const wait =
      flight.copiesLeft > 0
        ? flight.round === 0
          ? RECOVERY.spacingMs
          : roundSpacingMs(this.#path)
        : timeOutMs(this.#path, this.#path.roundTrip, flight.round, flight.asksAck);
    this.#due(flight, now + wait);
  }

  /** False: it did not fit, or not all of it did and the next packet goes on with it. */
  #put(flight: Flight, departure: PacketBuilder): boolean {
    if (!this.#isTooLong(flight)) return departure.put(sourceOf(flight));
    const length = departure.putPiece(flight, flight.cutAt);
    flight.cutAt += length;
    if (length === 0 || flight.cutAt < flight.data.length) return false;
    flight.cutAt = 0;
    return true;
  }

  /** The path has become narrower since it was offered. */
  #isTooLong({ data }: Flight): boolean {
    return data.length + SYMBOL_OVERHEAD_BYTES > this.#path.mtu.bytes;
  }

  #spareCopies(flight: Flight): void {
    if (flight.copiesLeft === 0 || !this.#isTooLong(flight)) return;
    this.#copiesWaiting -= flight.copiesLeft;
    flight.copiesLeft = 0;
  }

  #due(flight: Flight, at: number): void {
    flight.dueAt = at;
    this.#dueAt = Math.min(this.#dueAt, at);
  }

  #findDue(): void {
    this.#dueAt = Infinity;
    for (const { last, dueAt } of this.#flights.values())
      if (last !== undefined) this.#dueAt = Math.min(this.#dueAt, dueAt);
  }

  #close(flight: Flight): void {
    this.#copiesWaiting -= flight.copiesLeft;
    this.#counts.knownBytes += flight.data.length;
    this.#flights.delete(flight.number);
  }
}
