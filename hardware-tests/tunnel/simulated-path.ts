import type { SourceSymbol } from '#tunnel/coded/codec/symbol.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { Exchange } from '#tunnel/coded/recovery/exchange.js';
import { ByteWriter } from '#tunnel/coded/wire/byte-writer.js';
import { decodeFrames } from '#tunnel/coded/wire/frame-reader.js';
import { writeFrame } from '#tunnel/coded/wire/frame-writer.js';
import { decodePacket, SHORT_HEADER_BYTES, writeHeader } from '#tunnel/coded/wire/packet-header.js';
import {
  expandNumber,
  PACKET_NUMBER_BITS,
  truncateNumber,
} from '#tunnel/coded/wire/truncated-number.js';
import { EdgeError } from '#protocol/errors.js';
import { EventQueue } from './event-queue.js';
import { SimulatedLink, type LinkOptions } from './simulated-link.js';

/** IPv4 and UDP headers, and the tag of the seal, which the simulation leaves out but counts. */
export const IP_UDP_BYTES = 28;
const TAG_BYTES = 16;
const ROOM = CODED_LIMITS.datagramBytes - SHORT_HEADER_BYTES - TAG_BYTES;
/** Events, or packets of one end, without any time passing: more is a defect. */
const STANDSTILL = 20_000;
const CONNECTION_ID = Uint8Array.from({ length: 8 }, (_, index) => index);

/** Says whether packets may leave: the place of congestion control. */
export interface Gate {
  /** Bytes that may leave now; an acknowledgement alone always may. */
  readonly window: number;
  /** When a closed gate wants to be woken. */
  wakeAt(): number;
  woke(now: number): void;
  sent(packet: number, bytes: number, now: number): void;
  heard(arrival: ReturnType<Exchange['receive']>, now: number): void;
}

export interface PathOptions {
  /** From end 0 to end 1, and back. */
  readonly links: readonly [LinkOptions, LinkOptions];
  readonly roundTripMs: number;
  readonly seed: number;
  readonly bench: Workbench;
  /** Of end 0. */
  readonly gate?: (exchange: () => Exchange) => Gate;
  readonly memory?: unknown;
  readonly onSymbol: (end: 0 | 1, symbol: SourceSymbol, now: number) => void;
}

type Event =
  | { readonly kind: 'wake'; readonly end: 0 | 1 }
  | { readonly kind: 'arrive'; readonly end: 0 | 1; readonly datagram: Uint8Array }
  | { readonly kind: 'call'; readonly call: () => void };

interface End {
  readonly exchange: Exchange;
  readonly link: SimulatedLink;
  readonly gate: Gate | undefined;
  bytes: number;
  packets: number;
  largest: number;
  wakeAt: number;
}

/**
 * Two exchanges and the links between them, moved by events: every packet is really written and
 * read, only sealing is left out.
 */
export class SimulatedPath {
  readonly ends: readonly [End, End];
  readonly #events = new EventQueue<Event>();
  readonly #onSymbol: PathOptions['onSymbol'];
  #now = 0;

  constructor(options: PathOptions) {
    const end = (index: 0 | 1): End => {
      const exchange = new Exchange(options.bench, options);
      return {
        exchange,
        link: new SimulatedLink(options.links[index], options.seed * 2 + index),
        gate: index === 0 ? options.gate?.(() => exchange) : undefined,
        bytes: 0,
        packets: 0,
        largest: -1,
        wakeAt: Infinity,
      };
    };
    this.ends = [end(0), end(1)];
    this.#onSymbol = options.onSymbol;
  }

  get now(): number {
    return this.#now;
  }

  /** Runs `call` at a time; what it offers leaves at once. */
  at(time: number, call: () => void): void {
    this.#events.add(time, { kind: 'call', call });
  }

  /** Runs until nothing is left to happen or the time is up; returns the time of the last event. */
  run(untilMs: number): number {
    for (let standing = 0; ; standing++) {
      const next = this.#events.next();
      if (next === undefined || next.at > untilMs) return this.#now;
      if (next.at > this.#now) standing = 0;
      if (standing > STANDSTILL)
        throw new EdgeError('EDGE_INTERNAL', `Time stands still at ${next.at} ms.`);
      this.#now = next.at;
      const { event } = next;
      if (event.kind === 'call') {
        event.call();
        this.#flush(0);
        this.#flush(1);
        continue;
      }
      if (event.kind === 'wake' && !this.#wake(event.end)) continue;
      if (event.kind === 'arrive') this.#arrive(event.end, event.datagram);
      this.#flush(event.end);
    }
  }

  /** False: this alarm was set off by an earlier one. */
  #wake(index: 0 | 1): boolean {
    const end = this.ends[index];
    if (end.wakeAt !== this.#now) return false;
    end.wakeAt = Infinity;
    if (end.gate !== undefined && end.gate.window <= 0 && end.gate.wakeAt() <= this.#now)
      end.gate.woke(this.#now);
    return true;
  }

  #flush(index: 0 | 1): void {
    const end = this.ends[index];
    for (let packets = 0; ; packets++) {
      if (packets > STANDSTILL)
        throw new EdgeError('EDGE_INTERNAL', `End ${index} sends without end at ${this.#now} ms.`);
      const open = end.gate === undefined || end.gate.window > 0;
      const departure = end.exchange.take(this.#now, ROOM, open);
      if (departure === undefined) break;
      const { path } = end.exchange;
      const writer = new ByteWriter(CODED_LIMITS.datagramBytes - TAG_BYTES);
      writeHeader(writer, {
        kind: 'short',
        keyPhase: 0,
        ackNow: departure.ackNow,
        connectionId: CONNECTION_ID,
        packetNumber: truncateNumber(path.nextPacket, PACKET_NUMBER_BITS),
      });
      departure.frames.forEach((frame, at) =>
        writeFrame(writer, frame, at === departure.frames.length - 1),
      );
      const bytes = writer.length + TAG_BYTES + IP_UDP_BYTES;
      const { number } = path.sent(bytes, this.#now);
      if (departure.frames.some(({ kind }) => kind !== 'ack' && kind !== 'symbols'))
        end.gate?.sent(number, bytes, this.#now);
      end.bytes += bytes;
      end.packets++;
      const arrives = end.link.send(bytes, this.#now);
      if (arrives !== undefined)
        this.#events.add(arrives, {
          kind: 'arrive',
          end: index === 0 ? 1 : 0,
          datagram: writer.written(),
        });
    }
    const asked = end.exchange.wakeAt() ?? Infinity;
    const closed = end.gate !== undefined && end.gate.window <= 0;
    const wanted = closed && asked <= this.#now ? end.gate.wakeAt() : asked;
    if (wanted === Infinity || wanted >= end.wakeAt) return;
    end.wakeAt = Math.max(wanted, this.#now);
    this.#events.add(end.wakeAt, { kind: 'wake', end: index });
  }

  #arrive(index: 0 | 1, datagram: Uint8Array): void {
    const end = this.ends[index];
    const packet = decodePacket(datagram);
    const frames = packet.ok ? decodeFrames(packet.value.payload) : packet;
    if (!packet.ok || !frames.ok || packet.value.header.kind !== 'short')
      throw new EdgeError('EDGE_INTERNAL', 'An own packet cannot be read.');
    const { packetNumber, ackNow } = packet.value.header;
    const number = expandNumber(packetNumber, PACKET_NUMBER_BITS, end.largest + 1);
    end.largest = Math.max(end.largest, number);
    const arrival = end.exchange.receive(
      { number, ackNow, bytes: datagram.length },
      frames.value,
      this.#now,
    );
    end.gate?.heard(arrival, this.#now);
    for (const symbol of arrival.symbols) this.#onSymbol(index, symbol, this.#now);
  }
}
