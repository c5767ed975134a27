import type { SourceSymbol } from '#tunnel/coded/codec/symbol.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { Exchange, type Arrival } from '#tunnel/coded/recovery/exchange.js';
import type { Departure } from '#tunnel/coded/recovery/packet-builder.js';
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
import { SimulatedLink, type Link, type LinkOptions } from './simulated-link.js';
import { STANDSTILL, Timeline } from './timeline.js';

/** IPv4 and UDP headers, and the tag of the seal, which the simulation leaves out but counts. */
export const IP_UDP_BYTES = 28;
const TAG_BYTES = 16;
const roomOf = (datagramBytes: number): number => datagramBytes - SHORT_HEADER_BYTES - TAG_BYTES;
const ACKNOWLEDGING: ReadonlySet<string> = new Set(['ack', 'symbols', 'arrivals']);
const CONNECTION_ID = Uint8Array.from({ length: 8 }, (_, index) => index);

/** Says whether packets may leave: the place of congestion control. */
export interface Gate {
  /** A packet may leave now; an acknowledgement alone always may. */
  maySend(now: number): boolean;
  /** Packets had better ask for their acknowledgement at once. */
  readonly asksAck?: boolean;
  onSent(packet: { readonly number: number; readonly bytes: number }, now: number): void;
  /** No packet leaves for now; `waiting`: only for the gate. */
  onPause(waiting: boolean): void;
  heard(arrival: Arrival, now: number): void;
  onTimer(now: number): void;
  /** When it wants to be woken; Infinity: not by itself. */
  wakeAt(now: number): number;
}

export interface PathOptions {
  /** From end 0 to end 1, and back. */
  readonly links: readonly [LinkOptions | Link, LinkOptions | Link];
  readonly roundTripMs: number;
  readonly seed: number;
  readonly bench: Workbench;
  /** Of end 0. */
  readonly gate?: (exchange: Exchange) => Gate;
  /** Shared with other flows; its own unless given. */
  readonly timeline?: Timeline;
  readonly memory?: unknown;
  /** End 0 asks for what it shall offer, before each packet. */
  readonly supply?: (exchange: Exchange, room: number) => void;
  readonly onSymbol: (end: 0 | 1, symbol: SourceSymbol, now: number) => void;
  /** Told of each event at an end, after what it sent. */
  readonly watch?: (exchange: Exchange) => void;
}

interface End {
  readonly exchange: Exchange;
  readonly link: Link;
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
  readonly #timeline: Timeline;
  readonly #onSymbol: PathOptions['onSymbol'];
  readonly #supply: PathOptions['supply'];
  readonly #watch: PathOptions['watch'];

  constructor(options: PathOptions) {
    const { seed, timeline = new Timeline() } = options;
    this.#timeline = timeline;
    const end = (index: 0 | 1): End => {
      const link = options.links[index];
      const exchange = new Exchange(options.bench, options);
      return {
        exchange,
        link: 'send' in link ? link : new SimulatedLink(link, seed * 2 + index),
        gate: index === 0 ? options.gate?.(exchange) : undefined,
        bytes: 0,
        packets: 0,
        largest: -1,
        wakeAt: Infinity,
      };
    };
    this.ends = [end(0), end(1)];
    this.#onSymbol = options.onSymbol;
    this.#supply = options.supply;
    this.#watch = options.watch;
  }

  get now(): number {
    return this.#timeline.now;
  }

  /** Runs `call` at a time; what it offers leaves at once. */
  at(time: number, call: () => void): void {
    this.#timeline.at(time, () => {
      call();
      this.#flush(0);
      this.#flush(1);
    });
  }

  /** Runs until nothing is left to happen or the time is up; returns the time of the last event. */
  run(untilMs: number): number {
    return this.#timeline.run(untilMs);
  }

  #wake(index: 0 | 1): void {
    const end = this.ends[index];
    if (end.wakeAt !== this.now) return; // set off by an earlier one
    end.wakeAt = Infinity;
    this.#flush(index);
  }

  #flush(index: 0 | 1): void {
    const end = this.ends[index];
    const { exchange, gate } = end;
    gate?.onTimer(this.now);
    for (let packets = 0; ; packets++) {
      if (packets > STANDSTILL)
        throw new EdgeError('EDGE_INTERNAL', `End ${index} sends without end at ${this.now} ms.`);
      const { path } = exchange;
      const mayCarry = gate?.maySend(this.now);
      const probe = gate !== undefined && mayCarry === true && path.mtu.probeDue(this.now);
      const room = roomOf(path.mtu.bytes);
      if (index === 0 && mayCarry === true) this.#supply?.(exchange, room);
      const departure = probe ? probeOf(probe) : exchange.take(this.now, room, mayCarry);
      if (departure === undefined) break;
      if (probe) path.mtu.probed(path.nextPacket);
      const writer = new ByteWriter(CODED_LIMITS.datagramBytesMax - TAG_BYTES);
      writeHeader(writer, {
        kind: 'short',
        keyPhase: 0,
        ackNow: departure.ackNow || gate?.asksAck === true,
        connectionId: CONNECTION_ID,
        packetNumber: truncateNumber(path.nextPacket, PACKET_NUMBER_BITS),
      });
      departure.frames.forEach((frame, at) =>
        writeFrame(writer, frame, at === departure.frames.length - 1),
      );
      const bytes = writer.length + TAG_BYTES + IP_UDP_BYTES;
      const packet = path.sent(bytes, this.now);
      if (departure.frames.some(({ kind }) => !ACKNOWLEDGING.has(kind)))
        gate?.onSent(packet, this.now);
      end.bytes += bytes;
      end.packets++;
      const arrives = end.link.send(bytes, this.now);
      if (arrives === undefined) continue;
      const datagram = writer.written();
      const other = index === 0 ? 1 : 0;
      this.#timeline.at(arrives, () => this.#arrive(other, datagram));
    }
    this.#watch?.(exchange);
    const asked = exchange.wakeAt() ?? Infinity;
    const waiting = asked <= this.now;
    gate?.onPause(waiting);
    const gateAt = gate?.wakeAt(this.now) ?? Infinity;
    const wanted = waiting && gate !== undefined ? gateAt : Math.min(asked, gateAt);
    if (wanted === Infinity || wanted >= end.wakeAt) return;
    end.wakeAt = Math.max(wanted, this.now);
    this.#timeline.at(end.wakeAt, () => this.#wake(index));
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
      this.now,
    );
    end.gate?.heard(arrival, this.now);
    for (const symbol of arrival.symbols) this.#onSymbol(index, symbol, this.now);
    this.#flush(index);
  }
}

/** A ping and padding. */
function probeOf(bytes: number): Departure {
  const padding = Array.from({ length: roomOf(bytes) - 1 }, () => ({ kind: 'padding' }) as const);
  return { frames: [{ kind: 'ping' }, ...padding], ackNow: true };
}
