import { rowCoefficients } from '../codec/coefficients.js';
import { SymbolDecoder, type DroppedRows } from '../codec/decoder.js';
import type { SourceSymbol } from '../codec/symbol.js';
import type { Workbench } from '../codec/workbench.js';
import { ArrivalReader, ArrivalTimes, type ArrivalTime } from '../congestion/arrival-times.js';
import { CODED_LIMITS } from '../limits.js';
import type { AckFrame, ArrivalsFrame, Frame, SymbolsFrame } from '../wire/frame.js';
import { frameLength } from '../wire/frame-writer.js';
import { expandNumber, SYMBOL_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';
import { Acknowledger } from './acknowledger.js';
import type { OperatingPoint } from './constants.js';
import { HalfSymbols } from './half-symbols.js';
import { Path, type PathNews, type PathOptions } from './path.js';
import { ReceivedPackets } from './received-packets.js';
import type { Departure } from './packet-builder.js';
import { SymbolSender } from './symbol-sender.js';

/** What one packet brought. */
export interface Arrival {
  /** Each symbol once, in any order. */
  readonly symbols: readonly SourceSymbol[];
  /** For congestion control; undefined when there was no acknowledgement. */
  readonly news: PathNews | undefined;
  /** When packets arrived at the peer, by its clock, as far as it told: for congestion control. */
  readonly times: readonly ArrivalTime[];
  /** The peer acknowledged what was never sent. */
  readonly dishonest: boolean;
}

/** Frames that ask for an acknowledgement of their packet. */
const SILENT: ReadonlySet<Frame['kind']> = new Set([
  'padding',
  'ack',
  'symbols',
  'arrivals',
  'close',
]);

/**
 * One end of a session's symbols on one path: symbols and frames in, frames and symbols out. It
 * owns no socket, clock or key. Around it: who seals, who paces (`take` only when a packet may
 * leave), and who makes symbols of messages and streams.
 */
export class Exchange {
  readonly sender: SymbolSender;
  readonly #decoder: SymbolDecoder;
  #path: Path;
  readonly #received = new ReceivedPackets();
  readonly #halves = new HalfSymbols();
  readonly #acknowledger = new Acknowledger();
  readonly #arrivals = new ArrivalTimes();
  readonly #arrivalReader = new ArrivalReader();

  constructor(bench: Workbench, options: PathOptions) {
    this.#path = new Path(options);
    this.sender = new SymbolSender(bench, this.#path);
    this.#decoder = new SymbolDecoder(bench);
  }

  get path(): Path {
    return this.#path;
  }

  /** The session goes on over another path. What is known and unknown of symbols stays. */
  moveTo(options: Omit<PathOptions, 'firstPacket'>): Path {
    this.#path = new Path({ ...options, firstPacket: this.#path.nextPacket });
    this.sender.moveTo(this.#path);
    return this.#path;
  }

  get decoder(): SymbolDecoder {
    return this.#decoder;
  }

  get counts(): { readonly deliveredBytes: number; readonly droppedRows: DroppedRows } {
    return { deliveredBytes: this.sender.counts.knownBytes, droppedRows: this.#decoder.counts };
  }

  /** See SymbolSender.offer. */
  offer(data: Uint8Array, point: OperatingPoint, now: number): number | undefined {
    return this.sender.offer(data, point, now);
  }

  /** Takes an opened packet. `bytes`: of the datagram. */
  receive(
    packet: { readonly number: number; readonly ackNow: boolean; readonly bytes: number },
    frames: readonly Frame[],
    now: number,
  ): Arrival {
    const expected = (this.#received.largest ?? -1) + 1;
    if (!this.#received.note(packet.number, now))
      return { symbols: [], news: undefined, times: [], dishonest: false };
    const symbols: SourceSymbol[] = [];
    let ack: AckFrame | undefined;
    let times: readonly ArrivalTime[] = [];
    for (const frame of frames) {
      if (frame.kind === 'ack') ack = frame;
      else if (frame.kind === 'symbols') this.sender.known(frame);
      else if (frame.kind === 'arrivals')
        times = this.#arrivalReader.read(frame, this.path.nextPacket);
      else symbols.push(...this.#decode(frame));
    }
    if (frames.some(({ kind }) => !SILENT.has(kind))) {
      this.#arrivals.note(packet.number, now);
      // A lost packet whose symbols came otherwise is no news that hurries.
      const missing = packet.number > expected && this.#decoder.incomplete;
      const { ackDelayMs } = this.path.roundTrip;
      this.#acknowledger.arrived(packet.bytes, packet.ackNow || missing, ackDelayMs, now);
    }
    const news = ack === undefined ? undefined : this.path.acknowledged(ack, now);
    if (news?.narrowed === true) this.sender.narrow();
    if (news !== undefined) this.sender.evidence(news, now);
    return { symbols, news, times, dishonest: ack !== undefined && news === undefined };
  }

  /**
   * The next packet's frames, at most `room` bytes, or undefined when none must leave now.
   * `mayCarry` false: congestion control lets only an acknowledgement pass.
   */
  take(now: number, room: number, mayCarry = true): Departure | undefined {
    if (this.#acknowledger.dueAt > now && !(mayCarry && this.sender.isDue(now))) return undefined;
    const acks = this.#acknowledger.pending ? this.#acknowledgement(now) : [];
    const taken = acks.reduce((sum, frame) => sum + frameLength(frame), 0);
    const along = mayCarry ? this.sender.take(now, room - taken) : undefined;
    if (along === undefined && this.#acknowledger.dueAt > now) {
      // A full symbol must not wait for the acknowledgement beside which it has no room.
      return mayCarry && taken > 0 ? this.sender.take(now, room) : undefined;
    }
    if (acks.length > 0) this.#acknowledger.left();
    return { frames: [...acks, ...(along?.frames ?? [])], ackNow: along?.ackNow ?? false };
  }

  /** The acknowledgement once more, though nothing is owed: the last one may be lost. */
  repeat(now: number): readonly Frame[] {
    const frames = this.#acknowledgement(now);
    this.#acknowledger.left();
    return frames;
  }

  /** When `take` has something to give, undefined: only after a further event. */
  wakeAt(): number | undefined {
    const at = Math.min(this.sender.wakeAt() ?? Infinity, this.#acknowledger.dueAt);
    return at === Infinity ? undefined : at;
  }

  #acknowledgement(now: number): (AckFrame | SymbolsFrame | ArrivalsFrame)[] {
    const ack = this.#received.frame(now);
    if (ack === undefined) return [];
    const known = this.#decoder.knownBitmap();
    const base = truncateNumber(this.#decoder.base, SYMBOL_NUMBER_BITS);
    const undecided = Math.min(this.#decoder.undecided, 255);
    const arrivals = this.#acknowledger.bulk ? this.#arrivals.frame() : undefined;
    return [
      ack,
      { kind: 'symbols', base, undecided, known },
      ...(arrivals === undefined ? [] : [arrivals]),
    ];
  }

  #decode(frame: Frame): SourceSymbol[] {
    const near = (number: number): number =>
      expandNumber(number, SYMBOL_NUMBER_BITS, this.#decoder.base);
    switch (frame.kind) {
      case 'source':
        return this.#decoder.source(near(frame.symbol), frame.data);
      case 'piece': {
        const number = near(frame.symbol);
        const whole = this.#decoder.has(number) ? undefined : this.#halves.add(number, frame);
        return whole === undefined ? [] : this.#decoder.source(number, whole.data);
      }
      case 'repair':
        return this.#decoder.row(
          near(frame.start),
          rowCoefficients(frame.seed, frame.span, frame.members),
          frame.data,
        );
      case 'vector':
        return this.#decoder.row(near(frame.start), frame.coefficients, frame.data);
      default:
        return [];
    }
  }
}

/** Bytes of the longest symbol whose rows fit into packets with so much room for frames. */
export function symbolRoom(packetRoom: number): number {
  const rowOverhead = frameLength(
    { kind: 'repair', start: 0, span: 1, seed: 0, members: undefined, data: new Uint8Array(2) },
    true,
  );
  return Math.min(packetRoom - rowOverhead, CODED_LIMITS.symbolBytes);
}
