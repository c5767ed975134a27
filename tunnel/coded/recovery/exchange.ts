import { rowCoefficients } from '../codec/coefficients.js';
import { SymbolDecoder } from '../codec/decoder.js';
import type { SourceSymbol } from '../codec/symbol.js';
import type { Workbench } from '../codec/workbench.js';
import { CODED_LIMITS } from '../limits.js';
import type { AckFrame, Frame, SymbolsFrame } from '../wire/frame.js';
import { frameLength } from '../wire/frame-writer.js';
import { expandNumber, SYMBOL_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';
import { Acknowledger } from './acknowledger.js';
import type { OperatingPoint } from './constants.js';
import { Path, type PathNews, type PathOptions } from './path.js';
import { ReceivedPackets } from './received-packets.js';
import { SymbolSender, type Departure } from './symbol-sender.js';

/** What one packet brought. */
export interface Arrival {
  /** Each symbol once, in any order. */
  readonly symbols: readonly SourceSymbol[];
  /** For congestion control; undefined when there was no acknowledgement. */
  readonly news: PathNews | undefined;
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
  readonly path: Path;
  readonly sender: SymbolSender;
  readonly #decoder: SymbolDecoder;
  readonly #received = new ReceivedPackets();
  readonly #acknowledger = new Acknowledger();

  constructor(bench: Workbench, options: PathOptions) {
    this.path = new Path(options);
    this.sender = new SymbolSender(bench, this.path);
    this.#decoder = new SymbolDecoder(bench);
  }

  get decoder(): SymbolDecoder {
    return this.#decoder;
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
      return { symbols: [], news: undefined, dishonest: false };
    if (frames.some(({ kind }) => !SILENT.has(kind))) {
      const urgent = packet.ackNow || packet.number > expected;
      const { ackDelayMs } = this.path.roundTrip;
      this.#acknowledger.arrived(packet.bytes, urgent, ackDelayMs, now);
    }
    const symbols: SourceSymbol[] = [];
    let ack: AckFrame | undefined;
    for (const frame of frames) {
      if (frame.kind === 'ack') ack = frame;
      else if (frame.kind === 'symbols') this.sender.known(frame);
      else symbols.push(...this.#decode(frame));
    }
    const news = ack === undefined ? undefined : this.path.acknowledged(ack, now);
    if (news !== undefined) this.sender.evidence(news, now);
    return { symbols, news, dishonest: ack !== undefined && news === undefined };
  }

  /**
   * The next packet's frames, at most `room` bytes, or undefined when none must leave now.
   * `mayCarry` false: congestion control lets only an acknowledgement pass.
   */
  take(now: number, room: number, mayCarry = true): Departure | undefined {
    const acks = this.#acknowledger.pending ? this.#acknowledgement(now) : [];
    const taken = acks.reduce((sum, frame) => sum + frameLength(frame), 0);
    const departure = mayCarry ? this.sender.take(now, room - taken) : undefined;
    if (departure === undefined && this.#acknowledger.dueAt > now) return undefined;
    if (acks.length > 0) this.#acknowledger.left();
    return {
      frames: [...acks, ...(departure?.frames ?? [])],
      ackNow: departure?.ackNow ?? false,
    };
  }

  /** When `take` has something to give, undefined: only after a further event. */
  wakeAt(): number | undefined {
    const at = Math.min(this.sender.wakeAt() ?? Infinity, this.#acknowledger.dueAt);
    return at === Infinity ? undefined : at;
  }

  #acknowledgement(now: number): (AckFrame | SymbolsFrame)[] {
    const ack = this.#received.frame(now);
    if (ack === undefined) return [];
    const known = this.#decoder.knownBitmap();
    const base = truncateNumber(this.#decoder.base, SYMBOL_NUMBER_BITS);
    const undecided = Math.min(this.#decoder.undecided, 255);
    return [ack, { kind: 'symbols', base, undecided, known }];
  }

  #decode(frame: Frame): SourceSymbol[] {
    const near = (number: number): number =>
      expandNumber(number, SYMBOL_NUMBER_BITS, this.#decoder.base);
    switch (frame.kind) {
      case 'source':
        return this.#decoder.source(near(frame.symbol), frame.data);
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
